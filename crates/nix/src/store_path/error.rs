//! Why something is not a store path.

use super::MAX_NAME;

/// Why a store path may not be called so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or more than [`MAX_NAME`] bytes.
    #[error("its name has {0} bytes and may have 1 to {MAX_NAME}")]
    Length(usize),
    /// Something other than letters, digits and `+-._?=`.
    #[error("its name holds a character other than letters, digits and `+-._?=`")]
    Character,
    /// `.` or `..`, alone or before a dash.
    #[error("its name begins with `.` or `..` and a dash or nothing behind it")]
    Dots,
}

/// Why a text is not a store path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorePathError {
    /// A path of another directory.
    #[error("it is not directly in the store directory")]
    Directory,
    /// Not thirty-two nix32 digits and a dash in the beginning.
    #[error("it does not begin with 32 nix32 digits and a dash")]
    Hash,
    /// A name that is not allowed.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Why a content address leads to no store path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// References where the kind of address has no place for them.
    #[error("only texts and NARs addressed by SHA-256 may refer to other paths")]
    References,
    /// A reference to itself where the kind of address has no place for it.
    #[error("a text cannot refer to itself")]
    SelfReference,
    /// A hash function that the kind of address does not allow.
    #[error("the hash function is not one that this kind of content address allows")]
    Algorithm,
    /// A name that is not allowed.
    #[error(transparent)]
    Name(#[from] NameError),
}
