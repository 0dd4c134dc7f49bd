//! A real pseudo-terminal with the command in it: what is drawn is read back from a screen, and keys are pressed.

use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Pty, open};

/// A command that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Control and C.
pub(crate) const CTRL_C: &[u8] = b"\x03";

/// A command on a terminal.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

/// What came out of it so far.
struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
}

impl Seen {
    /// The screen, row by row: what is drawn is padded to the edge, and would else be taken for one long line.
    fn rows(&self) -> String {
        let screen = self.screen.screen();
        let rows: Vec<String> = screen
            .rows(0, screen.size().1.get())
            .map(|row| row.trim_end().to_owned())
            .collect();
        rows.join("\n").trim_end().to_owned()
    }
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    /// What stands on the screen.
    pub(crate) screen: String,
    /// Everything that came, escape codes too.
    pub(crate) bytes: Vec<u8>,
}

impl Terminal {
    /// Starts the command on a terminal of so many rows and columns.
    pub(crate) fn start(command: Command, rows: u16, columns: u16) -> Self {
        let (pty, inside) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let child = pty_process::blocking::Command::from(command)
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .spawn(inside)
            .unwrap();
        let seen = Seen {
            screen: vt100::Parser::new(NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap(), 0),
            bytes: Vec::new(),
            ended: false,
        };
        let (pty, seen) = (Arc::new(pty), Arc::new((Mutex::new(seen), Condvar::new())));
        let (reader, shared) = (Arc::clone(&pty), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // Linux ends a terminal that nobody has open any more with an error.
                let count = (&*reader).read(&mut buffer).unwrap_or(0);
                let mut seen = shared.0.lock().unwrap();
                seen.screen.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
                seen.ended = count == 0;
                shared.1.notify_all();
                if seen.ended {
                    break;
                }
            }
        });
        Self { child, pty, seen }
    }

    /// As [`start`](Self::start), where the environment says what the terminal is like.
    pub(crate) fn start_as(command: Command, name: &str, value: &str) -> Self {
        // Behind what `start` says of it.
        let mut shell = Command::new("env");
        shell
            .arg(format!("{name}={value}"))
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            shell.current_dir(dir);
        }
        Self::start(shell, 40, 100)
    }

    /// Presses keys.
    pub(crate) fn press(&self, keys: &[u8]) {
        (&*self.pty).write_all(keys).unwrap();
    }

    /// Waits until the screen is like that, and gives it back.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let screen = seen.rows();
            if is_so(&screen) {
                return screen;
            }
            let all = || String::from_utf8_lossy(&seen.bytes).into_owned();
            assert!(!seen.ended, "it ended before {what}:\n{}", all());
            assert!(began.elapsed() < PATIENCE, "no {what}:\n{screen}\n{}", all());
            (seen, _) = self.seen.1.wait_timeout(seen, Duration::from_millis(200)).unwrap();
        }
    }

    /// Waits until these words stand on the screen.
    pub(crate) fn until_words(&self, words: &str) -> String {
        self.until(words, |screen| joined(screen).contains(words))
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Left {
        let began = Instant::now();
        let mut seen = self.seen.0.lock().unwrap();
        while !seen.ended {
            assert!(
                began.elapsed() < PATIENCE,
                "it does not end:\n{}",
                seen.screen.screen().contents()
            );
            (seen, _) = self.seen.1.wait_timeout(seen, Duration::from_millis(200)).unwrap();
        }
        Left {
            code: self.child.wait().unwrap().code(),
            screen: seen.screen.screen().contents(),
            bytes: seen.bytes.clone(),
        }
    }
}

impl Left {
    /// The screen as one text: long lines are broken where the terminal ends.
    pub(crate) fn text(&self) -> String {
        joined(&self.screen)
    }
}

/// Without line breaks.
fn joined(screen: &str) -> String {
    screen.lines().collect::<Vec<_>>().join(" ")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
