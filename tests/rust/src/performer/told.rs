//! Everything a program could show of what it holds, in every form Rust has for showing: no secret may be in it.

use std::fmt::{Debug, Display, Write as _};
use std::path::Path;

use ltx_jobs::{Client, Error};

/// What was shown so far.
#[derive(Default)]
pub(crate) struct Told(String);

impl Told {
    /// A value as debuggers and logs show it.
    pub(crate) fn debug(&mut self, value: &impl Debug) {
        let _ = writeln!(self.0, "{value:?}\n{value:#?}");
    }

    /// A value as people see it.
    pub(crate) fn display(&mut self, value: &impl Display) {
        let _ = writeln!(self.0, "{value}");
    }

    /// An error with everything it has and everything behind it.
    pub(crate) fn error(&mut self, error: &Error) {
        self.debug(error);
        self.display(error);
        let _ = writeln!(
            self.0,
            "{} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            error.message(),
            error.advice(),
            error.billing(),
            error.job(),
            error.request_id(),
            error.api_type(),
            error.api_message(),
            error.retry_after(),
        );
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            let _ = writeln!(self.0, "{inner}\n{inner:?}");
            source = inner.source();
        }
    }

    /// What the client shows of itself, of its journal, and of what it finds when it looks around.
    pub(crate) async fn client(&mut self, client: &Client) {
        self.debug(client);
        self.debug(&client.describe());
        match client.jobs().await {
            Ok(submits) => self.debug(&submits),
            Err(error) => self.error(&error),
        }
        match client.recover().await {
            Ok(recovered) => self.debug(&recovered),
            Err(error) => self.error(&error),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, &self.0)
    }
}
