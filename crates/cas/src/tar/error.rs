//! Why a stream is not taken for a tar.

use super::{MAX_FILE, MAX_META, MAX_TRAILING};

/// Why a stream is not taken for a tar.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    /// A header without the magic of ustar or GNU.
    #[error("a header does not say `ustar`")]
    Magic,
    /// A header whose checksum is not the sum of its bytes.
    #[error("a header does not match its checksum")]
    Checksum,
    /// A number that is neither octal nor base 256, or is negative.
    #[error("a header holds a malformed number")]
    Number,
    /// A file that is said to be larger than [`MAX_FILE`].
    #[error("a file of {0} bytes is larger than the {MAX_FILE} that are accepted")]
    FileTooLarge(u64),
    /// An extended header or a long name larger than [`MAX_META`].
    #[error("an extended header of {0} bytes is larger than the {MAX_META} that are accepted")]
    MetaTooLarge(u64),
    /// An extended header that is not a list of records.
    #[error("an extended header holds a malformed record")]
    Record,
    /// Extended headers that no file follows, or more of them than one file can need.
    #[error("extended headers do not belong to a file")]
    StrayMeta,
    /// A link, directory or device that is said to have content.
    #[error("an entry of type {0:#04x} has content")]
    UnexpectedContent(u8),
    /// A type of entry that is not understood.
    #[error("an entry is of the unknown type {0:#04x}")]
    Type(u8),
    /// A file with holes: what follows its header is not its content.
    #[error("an entry is a sparse file")]
    Sparse,
    /// Something other than zeros after the block of zeros that ends the archive, or more than
    /// [`MAX_TRAILING`] of them.
    #[error("more than {MAX_TRAILING} zeros, or other bytes, follow the end of the archive")]
    Trailing,
    /// The stream ended before the archive.
    #[error("the archive is cut off")]
    Truncated,
}
