//! What goes wrong next. Pure: a seed makes the same list every time.

use std::time::Duration;

use fastrand::Rng;
use ltx_jobs_emulator::{Do, Fault};
use serde_json::json;

/// How long nothing new goes wrong, in milliseconds.
const QUIET: std::ops::Range<u64> = 50..600;

/// One fault, its name in the account, and when it is to be set after the one before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blow {
    pub(crate) after: Duration,
    pub(crate) name: &'static str,
    pub(crate) route: &'static str,
    pub(crate) fault: Fault,
}

/// The names of faults after which the outcome of a submit, or the id of its job, is not known.
pub(crate) const LEAVES_DOUBT: [&str; 9] = [
    "submit: 500",
    "submit: reply lost",
    "submit: closed without an answer",
    "submit: cut behind the headers",
    "submit: cut in the body",
    "submit: half a status line",
    "submit: a page of HTML",
    "submit: no id",
    "submit: never answered",
];

/// The next one.
pub(crate) fn next(random: &mut Rng) -> Blow {
    let byte = random.u64(0..3000);
    let (name, route, fault) = match random.u32(0..100) {
        // The paid request, which is sent again only with proof: one in five leaves a doubt.
        0..=4 => ("submit: 503", "submit", Fault::status(503).times(random.u32(1..4))),
        5..=7 => ("submit: 429", "submit", Fault::status(429).retry_after("1")),
        8..=10 => ("submit: 529", "submit", Fault::status(529)),
        11..=13 => ("submit: closed on accept", "submit", Fault::new(Do::CloseOnAccept)),
        14 => ("submit: 500", "submit", Fault::status(500)),
        15 => ("submit: reply lost", "submit", Fault::new(Do::ReadAndClose)),
        16 => (
            "submit: closed without an answer",
            "submit",
            Fault::new(Do::CutBeforeHeaders),
        ),
        17 => match random.u32(0..6) {
            0 => (
                "submit: cut behind the headers",
                "submit",
                Fault::new(Do::CutAfterHeaders),
            ),
            1 => ("submit: cut in the body", "submit", Fault::at(Do::CutBody, 10)),
            2 => ("submit: half a status line", "submit", Fault::new(Do::HalfStatusLine)),
            3 => ("submit: a page of HTML", "submit", Fault::new(Do::Html200)),
            4 => ("submit: no id", "submit", Fault::new(Do::NoId)),
            _ => ("submit: never answered", "submit", Fault::new(Do::ReadAndNeverAnswer)),
        },
        // Polls, of which there are many.
        18..=23 => ("poll: 502", "poll", Fault::status(502).times(random.u32(1..20))),
        24..=26 => ("poll: 500", "poll", Fault::status(500).times(random.u32(1..5))),
        27..=29 => ("poll: 429", "poll", Fault::status(429).retry_after("1")),
        30..=33 => (
            "poll: closed",
            "poll",
            Fault::new(Do::CutBeforeHeaders).times(random.u32(1..10)),
        ),
        34..=36 => (
            "poll: cut in the body",
            "poll",
            Fault::at(Do::CutBody, 5).times(random.u32(1..5)),
        ),
        37..=39 => ("poll: a page of HTML", "poll", Fault::new(Do::Html200)),
        40..=41 => ("poll: a proxy's 404", "poll", Fault::new(Do::NotFoundWithoutEnvelope)),
        42..=43 => ("poll: an unknown word", "poll", word("reviewing")),
        44..=45 => ("poll: never answered", "poll", Fault::new(Do::ReadAndNeverAnswer)),
        46..=47 => ("poll: the job failed", "poll", failed()),
        48..=49 => ("poll: connections refused", "poll", refused(random.u64(100..800))),
        // Uploads, of which there are few.
        50 => ("slot: 503", "slot", Fault::status(503)),
        51 => ("put: 503", "put", Fault::status(503)),
        52 => ("put: reply lost", "put", Fault::new(Do::ReadAndClose)),
        // Downloads.
        53..=62 => ("download: cut in the body", "download", cut(byte, random.bool())),
        63..=66 => ("download: stalled", "download", Fault::at(Do::Stall, byte)),
        67..=70 => ("download: slow", "download", slow(random.u64(2_000..20_000))),
        71..=78 => ("download: a flipped byte", "download", Fault::at(Do::CorruptByte, byte)),
        79..=83 => ("download: expired", "download", Fault::new(Do::ExpiredUrl)),
        84..=86 => (
            "download: wrong Content-Range",
            "download",
            Fault::new(Do::WrongContentRange),
        ),
        87..=89 => ("download: too short", "download", Fault::at(Do::TruncatedLength, byte)),
        90..=91 => ("download: the range ignored", "download", Fault::new(Do::IgnoreRange)),
        92..=94 => ("download: 503", "download", Fault::status(503).times(random.u32(1..4))),
        95..=96 => ("download: 429", "download", Fault::status(429).retry_after("1")),
        97..=98 => ("download: closed on accept", "download", Fault::new(Do::CloseOnAccept)),
        _ => (
            "download: connections refused",
            "download",
            refused(random.u64(100..800)),
        ),
    };
    Blow {
        after: Duration::from_millis(random.u64(QUIET)),
        name,
        route,
        fault,
    }
}

fn word(word: &str) -> Fault {
    Fault {
        word: Some(word.to_owned()),
        ..Fault::new(Do::StatusWord)
    }
}

/// The service gives the job up, as far as the client is told.
fn failed() -> Fault {
    let error = json!({"type": "internal_error", "message": "played"});
    Fault {
        json: Some(json!({"status": "failed", "error": error})),
        ..Fault::status(200)
    }
}

fn refused(for_ms: u64) -> Fault {
    Fault {
        for_ms: Some(for_ms),
        ..Fault::new(Do::RefuseConnections)
    }
}

fn cut(at: u64, reset: bool) -> Fault {
    Fault {
        reset,
        ..Fault::at(Do::CutBody, at)
    }
}

fn slow(bytes_per_s: u64) -> Fault {
    Fault {
        bytes_per_s: Some(bytes_per_s),
        ..Fault::new(Do::Drip)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ltx_jobs_emulator::Programme;

    use super::*;

    #[test]
    fn a_seed_makes_the_same_schedule_and_every_fault_in_it_can_be_carried_out() {
        let list = |seed| {
            let mut random = Rng::with_seed(seed);
            (0..3000).map(|_| next(&mut random)).collect::<Vec<_>>()
        };
        assert_eq!(list(7), list(7));
        assert_ne!(list(7), list(8));
        let names: BTreeSet<&str> = list(7).iter().map(|blow| blow.name).collect();
        assert!(LEAVES_DOUBT.iter().all(|name| names.contains(name)), "{names:?}");
        for blow in list(7) {
            Programme::default().with_fault(blow.route, blow.fault).check().unwrap();
        }
    }
}
