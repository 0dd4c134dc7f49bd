//! What reads the members of one batch, one after the other, and hands each to the outlet. Runs on the blocking pool, alone with its input.

use std::io::{self, Read};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::archive::batch::Wanted;
use crate::archive::fetch::Outlet;
use crate::archive::member::{BLOCK, Fault};
use crate::archive::reader::{ArchiveReader, Watched};
use crate::error::{Error, Result};
use crate::operation::cancelled;

/// See the module's first lines.
pub(crate) struct Worker {
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) cancel: CancellationToken,
    /// What is being done, for the error of a cancelled one.
    pub(crate) what: &'static str,
}

/// What became of a batch.
#[derive(Default)]
pub(crate) struct Worked {
    pub(crate) damaged: Vec<(Wanted, Fault)>,
    /// Members that were not had because the input ended or broke, and how it did.
    pub(crate) left: Vec<Wanted>,
    pub(crate) broken: Option<io::Error>,
}

impl Worker {
    /// # Errors
    /// Those of the outlet, which end the whole fetch, and `Cancelled`.
    pub(crate) fn work(&self, batch: Vec<Wanted>, input: Box<dyn ArchiveReader>) -> Result<Worked> {
        let mut worked = Worked::default();
        let mut input = Watched {
            inner: input,
            broken: None,
        };
        let mut buffer = vec![0; BLOCK];
        let mut batch = batch.into_iter();
        while let Some(wanted) = batch.next() {
            if self.cancel.is_cancelled() {
                return Err(cancelled(self.what));
            }
            match self.one(&wanted, &mut input, &mut buffer)? {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => worked.damaged.push((wanted, fault)),
                Err(broken) => {
                    worked.broken = Some(broken);
                    worked.left = std::iter::once(wanted).chain(batch).collect();
                    break;
                }
            }
        }
        Ok(worked)
    }

    /// One member; the inner error is the input's.
    fn one(
        &self,
        wanted: &Wanted,
        input: &mut Watched,
        buffer: &mut [u8],
    ) -> Result<io::Result<std::result::Result<(), Fault>>> {
        let span = wanted.member.span.clone();
        if let Err(error) = input.inner.seek_to(span.start) {
            return Ok(Err(error));
        }
        // A member that reads on into its neighbour is damaged, wherever its neighbour is.
        let mut own = Read::by_ref(input).take(span.end - span.start);
        let outcome = self.outlet.take(wanted, &mut own, buffer);
        match input.broken.take() {
            Some(error) => Ok(Err(error)),
            None => outcome.map(Ok),
        }
    }

    /// The error of a fetch whose input broke and nobody knows better why.
    pub(crate) fn input_error(&self, error: io::Error) -> Error {
        if self.cancel.is_cancelled() {
            cancelled(self.what)
        } else {
            Error::io("cannot read the archive", error)
        }
    }
}
