//! What a client has done, in numbers: counted where it happens, read from memory at any time.
//!
//! [`Tally`] is counted up by whoever does a thing, without a lock; [`Counters`] is what it says at one moment.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::money::Usd;

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// What a client has done since it was made, at one moment; see [`Client::counters`](crate::Client::counters).
        ///
        /// Every number but `committed` only grows, and counts what this client did in this process; other clients that use the same journal count for
        /// themselves. Numbers that belong together may be apart by what is happening just now. When nothing runs,
        /// `submits = submits_known + submits_refused + submits_unknown + jobs_created`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])+ pub $name: u64,)+
            /// US dollars, as [`Client::committed`](crate::Client::committed): what the client has committed itself to, counted only while `spend_limit` is
            /// set. The one number that can fall, when a job fails without a bill.
            pub committed: Usd,
        }

        impl Counters {
            /// Every number that only grows, with its name: for whoever hands them to a metrics library.
            pub fn items(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($name), self.$name)),+].into_iter()
            }
        }

        /// The numbers of one client while they grow.
        #[derive(Debug, Default)]
        pub(crate) struct Tally {
            $(pub(crate) $name: Count,)+
        }

        impl Tally {
            pub(crate) fn counters(&self, committed: Usd) -> Counters {
                Counters { $($name: self.$name.get(),)+ committed }
            }
        }
    };
}

counters! {
    /// Submits that were begun.
    submits,
    /// Submits that the journal answered under their `once` key, with the job or the unknown outcome of an earlier one. Nothing was sent.
    submits_known,
    /// Submits that ended with proof that there is no job: refused here or by the service, or withdrawn before they were sent.
    submits_refused,
    /// Submits whose job may exist, or does, and is not known by its id: `SubmitUnknown` and `IdLost`.
    submits_unknown,
    /// Paid requests whose body was given to a connection. One submit may take several: each after the proof that the one before made no job, or because
    /// the caller accepts a double charge.
    posts,
    /// Jobs that were created by this client's submits, by the service's own answer.
    jobs_created,
    /// Jobs seen to be completed, those of before included that this client waited for.
    jobs_completed,
    /// Jobs seen to end without a result: failed, or gone.
    jobs_failed,
    /// Questions about a job, of waits and polls, and for new addresses of its outputs. Each is one request.
    polls,
    /// Requests on all connections: to the service, to its storage, and to stores of the caller.
    http_requests,
    /// Attempts of submits after their first.
    submit_retries,
    /// Polls, and requests for an upload slot, that were sent because the one before failed.
    api_retries,
    /// Requests to the storage that were sent because the one before failed or broke off.
    storage_retries,
    /// Downloads that went on with what an earlier call had left.
    transfers_resumed,
    /// Transfers that were begun anew because what came was damaged or had changed, and frames that were fetched again for that.
    transfers_restarted,
    /// Bytes of outputs that arrived, also those that were thrown away or fetched twice.
    bytes_downloaded,
    /// Bytes of inputs that were given to a connection, also in uploads that were repeated.
    bytes_uploaded,
    /// Bytes that stores of the caller took, in objects and in parts of objects.
    bytes_rehosted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_told_under_its_own_name() {
        let tally = Tally::default();
        tally.submits.one();
        tally.bytes_rehosted.add(7);
        let counters = tally.counters(Usd::from_cents(250));
        let told: Vec<_> = counters.items().filter(|(_, value)| *value > 0).collect();
        assert_eq!(told, [("submits", 1), ("bytes_rehosted", 7)]);
        let json = serde_json::to_value(counters).unwrap();
        assert_eq!(json["bytes_rehosted"], 7);
        assert_eq!(json["committed"], "2.50");
        assert_eq!(json.as_object().unwrap().len(), counters.items().count() + 1);
    }
}
