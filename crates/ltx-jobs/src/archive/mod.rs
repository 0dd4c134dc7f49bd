//! A ZIP archive that lies on the storage (or on disk) as a list of frames.
//!
//! `directory` finds the members in the archive's last bytes, `name` and `limits` say what is refused, `member` unpacks and proves one of them,
//! `frame` numbers and names them, `open` brings the directory and `extract` does the work, through `reader`: all refusals before the first byte is written, then each frame into its own file.

pub(crate) mod directory;
pub(crate) mod extract;
pub(crate) mod frame;
pub(crate) mod limits;
pub(crate) mod member;
pub(crate) mod name;
pub(crate) mod open;
pub(crate) mod reader;
