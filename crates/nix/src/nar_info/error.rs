//! Why a text is not a `.narinfo`.

use std::num::ParseIntError;

use super::{MAX_REFERENCES, MAX_SIGNATURES, MAX_TEXT, MAX_URL};
use crate::{
    content_address::ContentAddressError, hash::HashError, signature::LineError, store_path::StorePathError,
};

/// Why a text is not a `.narinfo`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NarInfoError {
    /// More than [`MAX_TEXT`] bytes.
    #[error("a .narinfo of {0} bytes is larger than the {MAX_TEXT} that are read")]
    TooLong(usize),
    /// A field that every path has is not there.
    #[error("a .narinfo has no {0}")]
    Missing(&'static str),
    /// A line that cannot be understood.
    #[error("line {number} of a .narinfo cannot be read: {problem}")]
    Line {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        problem: LineProblem,
    },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Not a name, a colon and a space, or without the line break that Nix wants behind every line.
    #[error("it is not `Name: value` and a line break")]
    Form,
    /// A field that there may be only one of, for the second time.
    #[error("there is a second {0}")]
    Twice(&'static str),
    /// A store path that is none.
    #[error("its store path cannot be read: {0}")]
    StorePath(#[from] StorePathError),
    /// A hash that is none.
    #[error("its hash cannot be read: {0}")]
    Hash(#[from] HashError),
    /// A number that is none.
    #[error("its number cannot be read: {0}")]
    Number(#[from] ParseIntError),
    /// A signature that is none.
    #[error("its signature cannot be read: {0}")]
    Signature(#[from] LineError),
    /// A content address that is none.
    #[error("its content address cannot be read: {0}")]
    ContentAddress(#[from] ContentAddressError),
    /// A compression that Nix does not know.
    #[error("the compression is unknown")]
    Compression,
    /// A URL with control characters, or of more than [`MAX_URL`] bytes.
    #[error("the URL holds control characters, or more than {MAX_URL} bytes")]
    Url,
    /// More than [`MAX_REFERENCES`] references.
    #[error("there are more than {MAX_REFERENCES} references")]
    References,
    /// More than [`MAX_SIGNATURES`] signatures.
    #[error("there are more than {MAX_SIGNATURES} signatures")]
    Signatures,
}
