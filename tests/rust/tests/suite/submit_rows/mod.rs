//! The table of verdicts, row by row over real sockets: what is seen of the paid POST, what the caller hears, how many POSTs were read whole, and how many
//! jobs exist. The count of POSTs is the promise: a job is never paid twice.

mod rows;
mod wire;

use std::collections::HashSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use ltx_jobs::{Client, ClientBuilder, ErrorKind, Result};
use ltx_jobs_emulator::{Emulator, Fault, Origin, Programme};
use tokio::task::JoinSet;

use self::rows::{End, Line, Row, rows};
use self::wire::{Habit, Listener, Manner, Proxy};
use crate::{ROUTE, builder, client, request, until};

/// Rows played at the same time: most of their time is waiting for what does not come.
const AT_ONCE: usize = 8;

/// For those rows in which nothing ever comes back: transient refusals are tried again until then.
const TIME_LIMIT: Duration = Duration::from_millis(400);

/// What was seen and heard.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    posts: usize,
    jobs: usize,
    /// Kind, billing, retryable.
    heard: Option<(ErrorKind, &'static str, bool)>,
}

async fn emulator(line: Line, faults: &[Fault]) -> Emulator {
    let programme = faults.iter().fold(Programme::default(), |programme, fault| {
        programme.with_fault("submit", fault.clone())
    });
    Emulator::builder()
        .tls(line != Line::Plain)
        .http2(line == Line::Tls2)
        .programme(programme)
        .start()
        .await
        .unwrap()
}

/// The address of an emulator's API as a proxy needs it.
fn address(emulator: &Emulator) -> SocketAddr {
    let port = emulator.api_url().rsplit(':').next().unwrap();
    SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
}

/// A service that is not on loopback: slower polls are the rule there, and a journal on disk the default.
fn elsewhere(base: ClientBuilder, url: &str) -> ClientBuilder {
    base.base_url(url)
        .allow_http(true)
        .poll_interval(Duration::from_secs(1))
        .set("journal", "memory")
        .unwrap()
}

/// Plays one row over one line.
async fn play(row: &Row, line: Line) -> (Outcome, Result<ltx_jobs::Job>) {
    let faults = match &row.end {
        End::Service(faults) => faults.as_slice(),
        _ => &[],
    };
    let emulator = emulator(line, faults).await;
    let scheme = if line == Line::Plain { "http" } else { "https" };
    let base = builder(&emulator)
        .submit_timeout(Duration::from_millis(500))
        .connect_timeout(Duration::from_millis(150));
    let (mut listener, mut proxy) = (None, None);
    let client = match &row.end {
        End::Service(_) => base,
        End::Nobody => {
            emulator.refuse_connections(Origin::Api, None).await;
            base
        }
        // Longer than a part of a name may be: refused by every resolver without asking anybody, but by TLS even before.
        End::NoName if line == Line::Plain => elsewhere(base, &format!("http://{}.example", "n".repeat(64))),
        End::NoName => elsewhere(base, "https://nowhere.invalid"),
        End::Untrusted => Client::builder()
            .base_url(emulator.api_url())
            .api_key(emulator.api_key())
            .poll_interval(Duration::from_millis(20)),
        End::Listener(habit) => {
            let address = listener.insert(Listener::start(*habit).await).address;
            let host = if line == Line::Plain { "127.0.0.1" } else { "localhost" };
            base.base_url(&format!("{scheme}://{host}:{}", address.port()))
        }
        // Under a name that only the proxy knows: what the environment says about proxies for loopback is no part of this.
        End::Proxy(manner) => {
            let url = &proxy.insert(Proxy::start(*manner, address(&emulator)).await).url;
            elsewhere(base, &format!("{scheme}://api.ltx.test")).proxy(url)
        }
        End::NoProxy => {
            emulator.refuse_connections(Origin::Api, None).await;
            let url = format!("http://{}", address(&emulator));
            elsewhere(base, &format!("{scheme}://api.ltx.test")).proxy(&url)
        }
    };
    let client = client.build().unwrap();
    let mut submit = client.submit(request());
    if !matches!(row.end, End::Service(_)) {
        submit = submit.timeout(TIME_LIMIT);
    }
    let mut outcome = submit.await;
    if let (End::Listener(Habit::CloseIdle), Some(listener)) = (&row.end, &listener) {
        outcome.unwrap();
        until("the end of the idle connection", || listener.closed() == 1).await;
        outcome = client.submit(request()).await;
    }
    let pages = matches!(row.end, End::Proxy(Manner::Page(_) | Manner::Close)) && line == Line::Plain;
    let seen = Outcome {
        posts: emulator.count("POST", ROUTE)
            + listener.as_ref().map_or(0, Listener::requests)
            + proxy.as_ref().filter(|_| pages).map_or(0, Proxy::requests),
        jobs: emulator.jobs().len(),
        heard: outcome
            .as_ref()
            .err()
            .map(|error| (error.kind(), error.billing().name(), error.is_retryable())),
    };
    client.close(Duration::ZERO).await;
    emulator.shutdown().await;
    (seen, outcome)
}

/// What is wrong with an outcome.
fn wrong(row: &Row, seen: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let fits = match (row.heard, seen.heard) {
        (None, None) => true,
        (Some((kinds, billing, retryable)), Some(heard)) => {
            kinds.contains(&heard.0) && (billing, retryable) == (heard.1, heard.2)
        }
        _ => false,
    };
    if !fits {
        wrong.push(format!("heard {:?} instead of {:?}", seen.heard, row.heard));
    }
    if seen.posts != row.posts {
        wrong.push(format!("{} whole POSTs instead of {}", seen.posts, row.posts));
    }
    if seen.jobs != row.jobs {
        wrong.push(format!("{} jobs instead of {}", seen.jobs, row.jobs));
    }
    wrong
}

/// One line for each way a row came out; as a rule it is the same over every line.
fn table(played: &[(&Row, Line, Outcome)]) -> String {
    let mut text = format!(
        "\n{:<46} {:<22} {:>5} {:>4}  {:<18} {:<10} {}\n",
        "seen of the paid POST", "line", "POSTs", "jobs", "verdict", "billing", "retryable"
    );
    let mut told: Vec<(&str, Vec<&str>, &Outcome)> = Vec::new();
    for (row, line, outcome) in played {
        match told
            .iter_mut()
            .find(|(seen, _, known)| (*seen, *known) == (row.seen, outcome))
        {
            Some((_, lines, _)) => lines.push(line.name()),
            None => told.push((row.seen, vec![line.name()], outcome)),
        }
    }
    for (seen, lines, outcome) in told {
        let (verdict, billing, retryable) = match outcome.heard {
            Some((kind, billing, retryable)) => (kind.name(), billing, if retryable { "yes" } else { "no" }),
            None => ("accepted", "job_exists", "-"),
        };
        text.push_str(&format!(
            "{seen:<46} {:<22} {:>5} {:>4}  {verdict:<18} {billing:<10} {retryable}\n",
            lines.join(" "),
            outcome.posts,
            outcome.jobs
        ));
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_of_the_table_holds_on_the_wire_plain_and_over_tls() {
    let rows: &[Row] = Box::leak(rows().into_boxed_slice());
    let mut todo = rows
        .iter()
        .flat_map(|row| row.lines.iter().map(move |line| (row, *line)))
        .enumerate();
    let (mut playing, mut played, mut complaints) = (JoinSet::new(), Vec::new(), Vec::new());
    loop {
        while playing.len() < AT_ONCE
            && let Some((number, (row, line))) = todo.next()
        {
            playing.spawn(async move { (number, row, line, play(row, line).await) });
        }
        let Some(done) = playing.join_next().await else { break };
        let (number, row, line, (outcome, heard)) = done.unwrap();
        complaints.extend(
            wrong(row, &outcome)
                .into_iter()
                .map(|what| format!("{} over {}: {what}: {heard:?}", row.seen, line.name())),
        );
        played.push((number, (row, line, outcome)));
    }
    played.sort_by_key(|(number, _)| *number);
    let played: Vec<_> = played.into_iter().map(|(_, played)| played).collect();
    // Past the test harness, which keeps what is printed to itself: the table is what people look for.
    std::io::stdout().lock().write_all(table(&played).as_bytes()).unwrap();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_paid_request_has_a_connection_of_its_own_and_none_that_was_idle_is_used() {
    for line in [Line::Plain, Line::Tls1, Line::Tls2] {
        let emulator = emulator(line, &[]).await;
        let client = client(&emulator);
        for number in 1..=4 {
            let job = client.submit(request()).await.unwrap();
            // Its polls keep a connection to the same origin alive, which would be there to be used.
            until("a poll", || emulator.jobs()[number - 1].polls > 0).await;
            job.wait().await.unwrap();
        }
        let (mut paid, mut free) = (Vec::new(), HashSet::new());
        for received in emulator.requests() {
            if received.method == "POST" {
                paid.push(received.connection);
            } else {
                free.insert(received.connection);
            }
        }
        let fresh: HashSet<u64> = paid.iter().copied().collect();
        assert_eq!(fresh.len(), 4, "{line:?}: paid requests on connections {paid:?}");
        assert!(fresh.is_disjoint(&free), "{line:?}: {fresh:?} and {free:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_is_tried_again_until_it_is_accepted() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    emulator
        .refuse_connections(Origin::Api, Some(Duration::from_millis(150)))
        .await;
    let job = client(&emulator).submit(request()).await.unwrap();
    assert_eq!(emulator.count("POST", ROUTE), 1);
    assert_eq!(emulator.jobs()[0].id, job.id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_reset_before_the_handshake_are_tried_again() {
    let mut programme = Programme::default();
    programme.listen.reset_first_connections = 4;
    let emulator = Emulator::builder()
        .tls(true)
        .programme(programme)
        .start()
        .await
        .unwrap();
    client(&emulator).submit(request()).await.unwrap();
    assert_eq!(emulator.count("POST", ROUTE), 1);
}
