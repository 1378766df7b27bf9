//! Where the files of a tar begin and end, found while the archive streams by.
//!
//! Understands ustar, GNU (base-256 sizes, long names) and PAX (`size` in extended headers), as POSIX
//! IEEE 1003.1-2017 (`pax`, "pax Interchange Format" and "ustar Interchange Format") and GNU tar's manual
//! ("Basic Tar Format") describe them. Names are never looked at. What is not understood fully, or is
//! damaged, is an error: the stream is then not treated as a tar at all.

mod error;
mod header;
mod pax;
mod scanner;

pub use error::TarError;
pub use scanner::{Scanner, Step};

/// Bytes of a block, the unit of everything in a tar.
pub const BLOCK: usize = 512;

/// Bytes of the largest extended header or long name that is accepted; also what a [`Scanner`] holds at most.
pub const MAX_META: u64 = 1 << 20;

/// Bytes of the largest file that is accepted.
pub const MAX_FILE: u64 = 1 << 44;

/// Bytes that may follow the blocks that end an archive; GNU tar fills its record of (usually) 10 KiB with zeros.
pub const MAX_TRAILING: u64 = 1 << 20;
