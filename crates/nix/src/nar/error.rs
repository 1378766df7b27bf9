//! Why bytes are not a NAR.

use super::{MAX_DEPTH, MAX_FILE, MAX_NAME, MAX_TARGET};

/// Why bytes, or events, are not a NAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NarError {
    /// Something else in the beginning.
    #[error("it does not begin as a NAR does")]
    Magic,
    /// Another string than the ones that may stand there.
    #[error("`{0}` is missing where the archive's grammar has it")]
    Tag(&'static str),
    /// A string that is longer than any that may stand there.
    #[error("a string of {length} bytes stands where at most {most} may")]
    TooLong {
        /// Bytes that it is said to have.
        length: u64,
        /// Bytes that it may have.
        most: usize,
    },
    /// Something other than zeros behind a string.
    #[error("a string is filled up with something other than zeros")]
    Padding,
    /// A file name that is empty, `.` or `..`, holds a slash or a NUL, or has more than [`MAX_NAME`] bytes.
    #[error("a file name is empty, `.`, `..`, has a slash or NUL in it, or more than {MAX_NAME} bytes")]
    Name,
    /// File names that do not rise: Nix wants them in the order of their bytes, each once.
    #[error("the file names of a directory are not in order, or one is there twice")]
    Unsorted,
    /// A link target that is empty, holds a NUL, or has more than [`MAX_TARGET`] bytes.
    #[error("a link's target is empty, has a NUL in it, or more than {MAX_TARGET} bytes")]
    Target,
    /// Trees deeper than [`MAX_DEPTH`].
    #[error("directories lie within each other more than {MAX_DEPTH} deep")]
    Depth,
    /// A file that is said to be larger than [`MAX_FILE`].
    #[error("a file of {0} bytes is larger than the {MAX_FILE} that are accepted")]
    FileTooLarge(u64),
    /// Bytes behind the end.
    #[error("there is more behind the end of the archive")]
    Trailing,
    /// The end before the archive's.
    #[error("the archive is cut off")]
    Truncated,
    /// Events in an order that no archive has.
    #[error("an event stands where no archive has it")]
    Order,
}
