//! `ltx-jobs batch`: a list of jobs, submitted, waited for and saved; started again, it goes on where it was.
//!
//! `line` and `list` read what is asked for, `view` shows how it is, `verdict` is the exit code, `price` the dry run.

mod line;
mod list;
mod price;
mod verdict;
mod view;

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Instant;

use ltx_jobs::{Batch, BatchOutcome, BatchRun, BatchState, Client, ErrorKind, OnUnknown};
use serde_json::{Value, json};

use self::line::Entry;
use self::verdict::Verdict;
use crate::args::{BatchArgs, SettingFlags};
use crate::estimate;
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, LOOK};
use crate::moving::Moving;
use crate::pace::Pace;
use crate::schema;
use crate::show::Show;

/// Submits the list (each line billed), waits, saves; or prints the schema, or the prices.
pub(crate) async fn run(
    args: &BatchArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    if args.schema {
        print_schema(show);
        return Ok(());
    }
    let name = name(args)?;
    if args.dry_run {
        let client = estimate::client(settings)?;
        let entries = read(args, &batch(&client, &name, args, settings)?, show, interrupt).await?;
        return price::run(&client, &entries, args, settings, &name, show, interrupt).await;
    }
    let client = job::client(settings)?;
    let batch = batch(&client, &name, args, settings)?;
    let entries = read(args, &batch, show, interrupt).await?;
    if job::lasting_journal(&client).is_none() {
        show.note("no journal is kept here (memory is the default for a service on loopback), so the batch cannot go on after this run; give --journal DIR");
    }
    let go_on = GoOn::batch(settings, args, &name);
    let run = batch.start();
    let mut endpoints = HashMap::new();
    for entry in entries {
        endpoints.insert(entry.key, entry.asked.endpoint().to_owned());
        run.push_now(entry.item)?;
    }
    run.finish();
    let mut watch = Watch {
        client: &client,
        run: &run,
        name: &name,
        show,
        lasting: job::lasting_journal(&client).is_some(),
        go_on,
        endpoints,
        verdict: Verdict::default(),
        pace: Pace::default(),
    };
    watch.follow(interrupt).await
}

fn print_schema(show: &Show) {
    show.line(schema::LINE.trim_end());
    let line: Value = serde_json::from_str(schema::LINE).unwrap_or_default();
    show.event("schema", json!({ "schema": line }));
}

/// The batch's name: what was said, or the file's.
fn name(args: &BatchArgs) -> Result<String, Failure> {
    if let Some(name) = &args.name {
        return Ok(name.clone());
    }
    let file = args.file.as_deref().filter(|file| file.as_os_str() != "-");
    let stem = file.and_then(|file| file.file_stem()).and_then(|stem| stem.to_str());
    stem.map(str::to_owned).ok_or_else(|| {
        Failure::new(
            ErrorKind::InvalidRequest,
            "the batch has no name; give it one with --name, always the same for the same list",
        )
    })
}

/// The batch as the flags describe it.
fn batch(client: &Client, name: &str, args: &BatchArgs, settings: &SettingFlags) -> Result<Batch, Failure> {
    let mut batch = client
        .batch(name)
        .overwrite(args.overwrite)
        .on_unknown(OnUnknown::from(args.on_unknown))
        .submits_at_once(args.submits)
        .saves_at_once(args.saves);
    batch = batch.resume(!args.no_resume).count_costs(true);
    if let Some(dest) = args.destination() {
        batch = batch.dest(dest);
    }
    #[cfg(feature = "rehost")]
    if let Some(dest) = args.store() {
        batch = batch.rehost(dest);
    }
    if let Some(limit) = args.bandwidth {
        batch = batch.bandwidth(limit.get());
    }
    if let Some(limit) = args.lock_timeout {
        batch = batch.lock_timeout(limit);
    }
    if let Some(limit) = args.max_cost {
        batch = batch.max_cost(limit);
    }
    // The same flag limits the client, which counts this process only.
    if let Some(limit) = settings.get("spend_limit") {
        batch = batch.spend_limit(limit.parse()?);
    }
    Ok(batch)
}

/// Nothing is begun before the list was read to its end: Ctrl-C simply ends it.
async fn read(args: &BatchArgs, batch: &Batch, show: &Show, interrupt: &mut Interrupt) -> Result<Vec<Entry>, Failure> {
    let file = args.file.clone().unwrap_or_else(|| "-".into());
    if file.as_os_str() == "-" && std::io::stdin().is_terminal() {
        show.note("reading the list from the terminal; an end of file (Ctrl-D) ends it");
    }
    // On a thread of its own: somebody may still be typing it.
    let reading = tokio::task::spawn_blocking(move || list::text(&file));
    let text = tokio::select! {
        text = reading => text.map_err(|error| Failure::new(ErrorKind::Internal, format!("reading the list broke: {error}")))??,
        () = interrupt.heard() => {
            show.event("interrupted", json!({ "ref": null, "billing": "no_job", "go_on": null }));
            show.say("interrupted; nothing was submitted");
            return Err(Failure::Interrupted);
        }
    };
    list::entries(&text, batch, show)
}

/// A batch that runs, and who watches it.
struct Watch<'a> {
    client: &'a Client,
    run: &'a BatchRun,
    name: &'a str,
    show: &'a Show,
    /// Whether there is something to go on with after this process.
    lasting: bool,
    go_on: GoOn<'a>,
    /// By the keys of the items.
    endpoints: HashMap<String, String>,
    verdict: Verdict,
    pace: Pace,
}

impl Watch<'_> {
    async fn follow(&mut self, interrupt: &mut Interrupt) -> Result<(), Failure> {
        let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopped = false;
        loop {
            tokio::select! {
                biased;
                () = interrupt.heard() => {
                    if stopped {
                        self.tell_how_to_go_on();
                        return Err(Failure::Interrupted);
                    }
                    stopped = true;
                    self.stop();
                }
                outcome = self.run.next() => match outcome {
                    Some(outcome) => {
                        self.tell(&outcome);
                        // Many may come at once, and the display is drawn anew below each of them.
                        self.look();
                    }
                    None => break,
                },
                _ = look.tick() => self.look(),
            }
        }
        if let Some(error) = self.run.error() {
            return Err(error.into());
        }
        self.show.clear();
        let account = self.run.snapshot();
        let mut event = view::account(self.name, &account, &[], &self.pace);
        // Of this run alone, unlike the items.
        event["counters"] = serde_json::to_value(self.client.counters()).unwrap_or_default();
        self.show.event("batch", event);
        self.show.line(&format!("{}: {account}", self.name));
        match self.verdict.code(stopped) {
            None => Ok(()),
            Some(code) => {
                self.tell_how_to_go_on();
                Err(Failure::Told(code))
            }
        }
    }

    fn look(&mut self) {
        let progress = self.run.snapshot();
        let moving: Vec<Moving> = self.run.transfers().into_iter().map(Moving::from).collect();
        self.pace.look(Instant::now(), &progress, &moving);
        let pace = &self.pace;
        self.show.board(
            view::ended(&progress),
            progress.items,
            || view::lines(&progress, &moving, pace),
            || view::sentence(&progress, pace),
            || ("batch", view::account(self.name, &progress, &moving, pace)),
        );
    }

    fn stop(&self) {
        self.run.stop();
        self.show.event(
            "stopping",
            json!({ "go_on": self.lasting.then(|| self.go_on.with_all()).flatten() }),
        );
        self.show.say(
            "stopping: nothing more is submitted, paid requests that are on their way are finished (Ctrl-C again leaves at once)",
        );
    }

    fn tell(&mut self, outcome: &BatchOutcome) {
        self.verdict.see(outcome);
        let settle = self.settle(outcome);
        self.show.event("item", view::item(outcome, settle.as_deref()));
        if self.show.is_json() {
            return;
        }
        if outcome.state.is_done() {
            self.show.line(&view::done(outcome));
            return;
        }
        match &outcome.error {
            // What was stopped or left out is told as a number.
            None => {}
            Some(error) if error.kind() == ErrorKind::Cancelled => {}
            Some(error) => {
                let state = outcome.state.name().replace('_', " ");
                self.show.say(&format!("{}: {state}: {error}", outcome.key));
            }
        }
        if let Some(command) = settle {
            self.show.say(&format!("  settle it with: {command}"));
        }
    }

    /// The command that settles an item whose outcome is unknown.
    fn settle(&self, outcome: &BatchOutcome) -> Option<String> {
        let intent = outcome.job.as_ref().filter(|job| job.is_intent())?;
        match outcome.state {
            BatchState::Unknown if self.lasting => self.go_on.settle(intent, self.endpoints.get(&outcome.key)?),
            _ => None,
        }
    }

    fn tell_how_to_go_on(&self) {
        self.show.clear();
        let command = self.lasting.then(|| self.go_on.with_all()).flatten();
        self.show
            .event("interrupted", json!({ "ref": null, "billing": null, "go_on": command }));
        if let Some(command) = command
            && !self.show.is_json()
        {
            self.show.say(&format!("go on with: {command}"));
        }
    }
}
