//! The process that is killed: the film as a batch, the same every time it is started.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ltx_jobs::{BatchItem, Client, Counters};
use serde::{Deserialize, Serialize};

use crate::film;
use crate::print;
use crate::usage::Usage;

/// How often it says how it is.
const SAYS: Duration = Duration::from_millis(250);

/// Submits at the same time: as many may be unknown after a kill.
pub(crate) const SUBMITS: u32 = 8;

/// Jobs that are saved at the same time.
pub(crate) const SAVES: usize = 4;

/// What it is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) url: String,
    pub(crate) key: String,
    /// The journal is in it, and the shots.
    pub(crate) folder: PathBuf,
    pub(crate) jobs: u32,
    /// Jobs that it lets run at the same time.
    pub(crate) running: u32,
}

/// How it is, a line each.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Says {
    pub(crate) usage: Option<Usage>,
    /// Items of each state.
    pub(crate) ended: BTreeMap<String, u64>,
    pub(crate) counters: BTreeMap<String, u64>,
    /// Whether this is its last word.
    pub(crate) last: bool,
}

pub(crate) fn journal(folder: &Path) -> PathBuf {
    folder.join("journal")
}

pub(crate) fn shots(folder: &Path) -> PathBuf {
    folder.join("shots")
}

/// A client as the worker has it; the driver reads the journal with one.
pub(crate) fn client(orders: &Orders) -> ltx_jobs::Result<Client> {
    Client::builder()
        .base_url(&orders.url)
        .api_key(orders.key.as_str())
        .journal(journal(&orders.folder))
        // Who waits for a place has written nothing down yet, and is in no doubt after a kill.
        .max_concurrent_jobs(orders.running as usize)
        .poll_interval(Duration::from_millis(250))
        .backoff_base(Duration::from_millis(20))
        .backoff_cap(Duration::from_millis(500))
        .submit_timeout(Duration::from_secs(5))
        .poll_timeout(Duration::from_secs(2))
        .stall_timeout(Duration::from_secs(2))
        .build()
}

pub(crate) fn work(orders: &Orders) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(run(orders))
}

async fn run(orders: &Orders) -> Result<(), Box<dyn Error>> {
    let client = client(orders)?;
    let batch = client
        .batch(film::NAME)
        .dest(shots(&orders.folder))
        .submits_at_once(SUBMITS as usize)
        .saves_at_once(SAVES)
        .start();
    let pushing = async {
        for shot in 0..orders.jobs {
            batch
                .push(BatchItem::new(film::key(shot), film::request(shot)?))
                .await?;
        }
        batch.finish();
        Ok::<(), ltx_jobs::Error>(())
    };
    let taking = async {
        let mut ended = BTreeMap::new();
        let mut says = tokio::time::interval(SAYS);
        loop {
            tokio::select! {
                outcome = batch.next() => match outcome {
                    Some(outcome) => *ended.entry(outcome.state.name().to_owned()).or_insert(0) += 1,
                    None => return ended,
                },
                _ = says.tick() => say(&ended, &client.counters(), false),
            }
        }
    };
    let (pushed, ended) = tokio::join!(pushing, taking);
    pushed?;
    if let Some(error) = batch.error() {
        return Err(error.into());
    }
    say(&ended, &client.counters(), true);
    client.close(Duration::from_secs(10)).await;
    Ok(())
}

fn say(ended: &BTreeMap<String, u64>, counters: &Counters, last: bool) {
    let says = Says {
        usage: Usage::now(),
        ended: ended.clone(),
        counters: counters.items().map(|(name, value)| (name.to_owned(), value)).collect(),
        last,
    };
    print(&serde_json::to_string(&says).unwrap_or_default());
}
