//! One scope and what may be done there.

use std::fmt;
use std::str::FromStr;

use super::{MAX_SCOPE_BYTES, ScopeError};

/// A bit set: 1 to read, 2 to write. Source: the `ac` claim of GitHub's runtime tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permission(i64);

impl Permission {
    /// May be read.
    pub const READ: Self = Self(1);
    /// May be written.
    pub const WRITE: Self = Self(2);
    /// May be read and written.
    pub const READ_WRITE: Self = Self(3);

    /// Takes the bits as a token has them; those that have no meaning here are dropped.
    #[must_use]
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits & Self::READ_WRITE.0)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// Whether caches of the scope may be restored.
    #[must_use]
    pub const fn can_read(self) -> bool {
        self.0 & Self::READ.0 != 0
    }

    /// Whether caches may be saved to the scope.
    #[must_use]
    pub const fn can_write(self) -> bool {
        self.0 & Self::WRITE.0 != 0
    }
}

/// A scope and a permission, written `refs/heads/main:rw` (or `:r`, `:w`) on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// A git ref, such as `refs/heads/main`.
    pub scope: String,
    /// What may be done there.
    pub permission: Permission,
}

/// A text is no grant.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// It does not end in `:r`, `:w` or `:rw`.
    #[error("`{0}` does not end in `:r`, `:w` or `:rw`; write it as in `refs/heads/main:rw`")]
    Permission(String),
    /// Its scope cannot be one.
    #[error("`{text}` names no scope")]
    Scope {
        /// The text.
        text: String,
        /// What is wrong with it.
        #[source]
        source: ScopeError,
    },
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        // A git ref never contains a colon.
        let (scope, letters) = text.rsplit_once(':').unwrap_or((text, ""));
        let permission = match letters {
            "r" => Permission::READ,
            "w" => Permission::WRITE,
            "rw" | "wr" => Permission::READ_WRITE,
            _ => return Err(GrantError::Permission(text.to_owned())),
        };
        check_name(scope).map_err(|source| GrantError::Scope { text: text.to_owned(), source })?;
        Ok(Self { scope: scope.to_owned(), permission })
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let r = if self.permission.can_read() { "r" } else { "" };
        let w = if self.permission.can_write() { "w" } else { "" };
        write!(f, "{}:{r}{w}", self.scope)
    }
}

pub(super) fn check_name(scope: &str) -> Result<(), ScopeError> {
    match scope.len() {
        1..=MAX_SCOPE_BYTES if !scope.contains('\0') => Ok(()),
        bytes => Err(ScopeError::Name { bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_read_as_they_print() {
        for text in ["refs/heads/main:rw", "refs/tags/v1:r", "refs/heads/dev:w"] {
            assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_grant_without_permission_or_scope_is_refused() {
        for text in ["refs/heads/main", "refs/heads/main:", "refs/heads/main:x", "main:rwx"] {
            assert!(matches!(text.parse::<Grant>(), Err(GrantError::Permission(_))), "{text}");
        }
        assert!(matches!(":rw".parse::<Grant>(), Err(GrantError::Scope { .. })));
    }

    #[test]
    fn bits_without_meaning_are_dropped() {
        assert_eq!(Permission::from_bits(-1), Permission::READ_WRITE);
        assert_eq!(Permission::from_bits(4), Permission::default());
    }
}
