//! Stands in for the package `crc-fast` in what is built from this workspace (`[patch.crates-io]` in its `Cargo.toml`).
//!
//! The store library asks that package for one checksum, CRC-64/NVME, and for that only where a user wants S3 to check uploads by it. With it come the
//! tables of some forty other algorithms, which the linker cannot leave out: a tenth of the wheel. And the C functions of the package would be exported
//! from every library of ours, for a host to trip over. Here is that one checksum under the same names, computed by `crc`. At some gigabytes per second it
//! is no match for the original, and no bottleneck of an upload.
//!
//! Rust programs that depend on `ltx-jobs` are not touched by the patch: they get the original.
#![forbid(unsafe_code)]

use crc::{CRC_64_NVME, Crc, Table};

static NVME: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// What can be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrcAlgorithm {
    /// CRC-64/NVME, as in `x-amz-checksum-crc64nvme`.
    Crc64Nvme,
}

/// A checksum being computed.
#[derive(Clone)]
pub struct Digest(crc::Digest<'static, u64, Table<16>>);

impl Digest {
    /// Begins one.
    #[must_use]
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        match algorithm {
            CrcAlgorithm::Crc64Nvme => Self(NVME.digest()),
        }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of what was taken in.
    #[must_use]
    pub fn finalize(&self) -> u64 {
        self.0.clone().finalize()
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Digest").field(&self.finalize()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pieces: &[&[u8]]) -> u64 {
        let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
        pieces.iter().for_each(|piece| digest.update(piece));
        digest.finalize()
    }

    #[test]
    fn it_is_the_checksum_of_the_catalogue_in_one_piece_and_in_many() {
        // The check value of the catalogue of parametrised CRC algorithms, and those of the NVM Express command set specification (5.2.1.3.4).
        assert_eq!(of(&[b"123456789"]), 0xae8b_1486_0a79_9888);
        assert_eq!(of(&[&[0; 4096]]), 0x6482_d367_eb22_b64e);
        assert_eq!(of(&[&[0xff; 4096]]), 0xc0dd_ba73_02ec_a3ac);
        assert_eq!(of(&[b"1234", b"", b"56789"]), of(&[b"123456789"]));
    }
}
