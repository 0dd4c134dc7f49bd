//! What an archive may demand of this machine before it is refused.

use crate::error::{Error, ErrorKind, Result};

/// Limits of an archive. The defaults leave room for what the service makes (273 frames of 4K are 14 GB) and stop bombs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Members in the central directory.
    pub(crate) members: u64,
    /// Bytes of the central directory itself; it is the one part that is held in memory.
    pub(crate) directory: u64,
    /// Bytes of one member, inflated.
    pub(crate) member: u64,
    /// Bytes of all members that are unpacked.
    pub(crate) total: u64,
    /// Inflated to deflated. Deflate cannot do better than 1032 to 1, so more is a lie about the sizes.
    pub(crate) ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 100_000,
            directory: 16 << 20,
            member: 1 << 30,
            total: 64 << 30,
            ratio: 1032,
        }
    }
}

impl Limits {
    pub(crate) fn check_members(&self, members: u64) -> Result<()> {
        within("members", members, self.members)
    }

    pub(crate) fn check_directory(&self, bytes: u64) -> Result<()> {
        within("bytes of central directory", bytes, self.directory)
    }

    pub(crate) fn check_total(&self, bytes: u64) -> Result<()> {
        within("bytes in all its frames", bytes, self.total)
    }

    pub(crate) fn check_member(&self, name: &str, size: u64, packed: u64) -> Result<()> {
        within(&format!("bytes in {name:?}"), size, self.member)?;
        // A few bytes of slack: an empty or tiny member has no meaningful ratio.
        if size > packed.saturating_mul(self.ratio).saturating_add(64) {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "the archive says that {packed} bytes inflate to {size} bytes in {name:?}: more than {} to 1",
                    self.ratio
                ),
            ));
        }
        Ok(())
    }
}

fn within(what: &str, value: u64, limit: u64) -> Result<()> {
    if value <= limit {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::LimitExceeded,
        format!("the archive has {value} {what}, and the limit is {limit}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_makes_fits_and_a_bomb_does_not() {
        let limits = Limits::default();
        assert!(limits.check_members(273).is_ok());
        assert!(limits.check_total(273 * 49_800_000).is_ok());
        assert!(limits.check_member("f.exr", 49_800_000, 40_000_000).is_ok());
        assert!(limits.check_member("empty.exr", 0, 0).is_ok());
        for refused in [
            limits.check_members(100_001),
            limits.check_directory(17 << 20),
            limits.check_total((64 << 30) + 1),
            limits.check_member("f.exr", (1 << 30) + 1, 1 << 30),
            limits.check_member("f.exr", 1 << 29, 1 << 10),
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::LimitExceeded);
        }
    }
}
