//! What a foreign event loop watches: readable while callbacks are due.
// Sets a flag of our own file descriptors.
#![allow(unsafe_code)]

use ltx_jobs::{Error, ErrorKind};

/// A pipe with one byte in it while there is something to do.
#[cfg(unix)]
pub(crate) struct Wake {
    reader: std::io::PipeReader,
    writer: std::io::PipeWriter,
    rung: bool,
}

#[cfg(unix)]
impl Wake {
    pub(crate) fn new() -> Result<Self, Error> {
        use std::os::fd::AsRawFd as _;
        let (reader, writer) = std::io::pipe()
            .map_err(|error| Error::from_face(ErrorKind::Io, format!("a pipe cannot be made: {error}")))?;
        for end in [reader.as_raw_fd(), writer.as_raw_fd()] {
            // Whatever the host does with its end, neither of ours may ever block.
            // SAFETY: a descriptor that is open, and a flag that every pipe has.
            unsafe { libc::fcntl(end, libc::F_SETFL, libc::O_NONBLOCK) };
        }
        Ok(Self {
            reader,
            writer,
            rung: false,
        })
    }

    /// The descriptor to watch.
    pub(crate) fn handle(&self) -> i64 {
        use std::os::fd::AsRawFd as _;
        i64::from(self.reader.as_raw_fd())
    }

    /// There is something to do.
    pub(crate) fn ring(&mut self) {
        use std::io::Write as _;
        if !self.rung {
            self.rung = self.writer.write(&[1]).is_ok();
        }
    }

    /// There is nothing to do any more.
    pub(crate) fn silence(&mut self) {
        use std::io::Read as _;
        if self.rung {
            // What the host took out itself is silent already.
            let _ = self.reader.read(&mut [0]);
            self.rung = false;
        }
    }
}

/// There is none on this system yet.
#[cfg(not(unix))]
pub(crate) enum Wake {}

#[cfg(not(unix))]
impl Wake {
    pub(crate) fn new() -> Result<Self, Error> {
        Err(Error::from_face(
            ErrorKind::Unsupported,
            "there is no event handle on this system yet; call ltx_client_dispatch() from a timer or from a thread",
        ))
    }

    pub(crate) fn handle(&self) -> i64 {
        match *self {}
    }

    pub(crate) fn ring(&mut self) {
        match *self {}
    }

    pub(crate) fn silence(&mut self) {
        match *self {}
    }
}
