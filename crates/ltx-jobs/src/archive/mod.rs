//! A ZIP archive that lies on the storage (or on disk) as a list of frames.
//!
//! `end` and `directory` find the members in the archive's last bytes, `name` and `limits` say what is refused, `frame` numbers, orders and names them,
//! `member` unpacks and proves one of them. `open` brings the directory. `batch` says what is asked for together, `fetch` brings it in `lanes`, one for
//! each connection, which rest as `turns` says, through `reader` to a `worker` and where it goes: `extract` makes files, all refusals before the first
//! byte is written; `memory` gives bytes.

pub(crate) mod batch;
pub(crate) mod directory;
pub(crate) mod end;
pub(crate) mod extract;
pub(crate) mod fetch;
#[cfg(test)]
pub(crate) mod forged;
pub(crate) mod frame;
pub(crate) mod lanes;
pub(crate) mod limits;
pub(crate) mod member;
pub(crate) mod memory;
pub(crate) mod name;
pub(crate) mod open;
pub(crate) mod reader;
pub(crate) mod turns;
pub(crate) mod worker;
