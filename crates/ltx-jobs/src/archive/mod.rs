//! A ZIP archive that lies on the storage (or on disk) as a list of frames.
//!
//! `end` and `directory` find the members in the archive's last bytes, `name` and `limits` say what is refused, `frame` numbers, orders and names them,
//! `member` unpacks and proves one of them. `open` brings the directory. `batch` says what is asked for together, `fetch` brings it through `reader` to
//! where it goes: `extract` makes files, all refusals before the first byte is written; `memory` gives bytes.

pub(crate) mod batch;
pub(crate) mod directory;
pub(crate) mod end;
pub(crate) mod extract;
pub(crate) mod fetch;
#[cfg(test)]
pub(crate) mod forged;
pub(crate) mod frame;
pub(crate) mod limits;
pub(crate) mod member;
pub(crate) mod memory;
pub(crate) mod name;
pub(crate) mod open;
pub(crate) mod reader;
