//! A NAR that broke off.

/// What was begun cannot be gone on with: Nix asks for the rest, and is told then that there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path's archive broke off: it is {0}")]
pub struct Broken(pub(super) String);
