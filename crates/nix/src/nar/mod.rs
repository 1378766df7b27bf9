//! NARs: Nix's archives, one for each tree, with nothing in them that is not hashed.
//!
//! A NAR is a row of strings, each a length (u64, little-endian), its bytes, and zeros up to a multiple of eight; which
//! may follow which is told in Nix's manual ("Nix Archive (NAR) format"). Here it is a row of [`Event`]s: [`Parser`] and
//! [`Reader`] make them of bytes, [`Writer`] makes bytes of them, [`Walk`] takes them from a file system and
//! [`Restorer`] puts them there. None of these holds a file's content.

mod content_check;
mod dump;
mod error;
mod event;
mod grammar;
mod irregular;
mod layout;
mod listing;
mod parser;
mod reader;
mod restore;
mod token;
mod walk;
mod writer;

pub use content_check::{Content, ContentCheck, Verdict};
pub use dump::{DumpError, dump};
pub use error::NarError;
pub use event::Event;
pub use irregular::irregular;
pub use layout::{Layout, Step};
pub use listing::{Listing, ListingError, MAX_LISTING};
pub use parser::Parser;
pub use reader::{ReadError, Reader};
pub use restore::{RestoreError, Restorer, restore};
pub use walk::Walk;
pub use writer::{WriteError, Writer};

/// Trees within each other; Nix's own bound (2.35).
pub const MAX_DEPTH: usize = 64;

/// Bytes of the longest file name; Nix's own bound (2.35).
pub const MAX_NAME: usize = 255;

/// Bytes of the longest link target; Nix's own bound (2.35).
pub const MAX_TARGET: usize = 4095;

/// Bytes of the largest file: 16 TiB.
pub const MAX_FILE: u64 = 1 << 44;

/// The string that every NAR begins with.
const MAGIC: &[u8] = b"nix-archive-1";

/// Zeros behind a string of `len` bytes.
const fn padding(len: u64) -> u64 {
    len.wrapping_neg() % 8
}
