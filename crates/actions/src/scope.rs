//! Scopes: the git refs that a token may read and write caches of.

mod claim;
mod grant;

pub use grant::{Grant, GrantError, Permission};

/// The clients of 2026 take this text for "read only, on purpose" and say so once. Source: `@actions/cache` 6.x,
/// which looks for `cache write denied:` at the start of the message.
pub const WRITE_DENIED: &str = "cache write denied: token has no writable scopes";

/// The counterpart for reading; `@actions/cache` 6.x looks for `cache read denied:` anywhere in the message.
pub const READ_DENIED: &str = "cache read denied: token has no readable scopes";

/// Scopes of one token at the most; GitHub's name three.
pub const MAX_SCOPES: usize = 64;

/// The longest scope, in bytes.
pub const MAX_SCOPE_BYTES: usize = 1024;

/// A list of scopes that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// The claim is not a JSON array of `{Scope, Permission}`.
    #[error("the `ac` claim is not a JSON array of scopes and permissions")]
    Malformed(#[source] serde_json::Error),
    /// More than [`MAX_SCOPES`].
    #[error("the token names {0} scopes, and {MAX_SCOPES} are the most it may name")]
    TooMany(usize),
    /// A scope is empty, longer than [`MAX_SCOPE_BYTES`], or contains a NUL character.
    #[error("a scope has {bytes} bytes or holds a NUL character; 1 to {MAX_SCOPE_BYTES} bytes are allowed")]
    Name {
        /// Its length.
        bytes: usize,
    },
}

/// A token may not do this. Displayed as [`WRITE_DENIED`] or [`READ_DENIED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeDenied {
    /// Nothing may be saved with it.
    #[error("{WRITE_DENIED}")]
    Write,
    /// Nothing may be restored with it.
    #[error("{READ_DENIED}")]
    Read,
}

/// What a token may read and write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Where saves go: the first scope that may be written.
    pub write: Option<String>,
    /// Where lookups search, in this order: the scope that is written, if it may be read, then the others as the
    /// token names them (current ref, base, default branch).
    pub read: Vec<String>,
}

impl Scopes {
    /// One scope that may be read and written.
    pub fn read_write(scope: impl Into<String>) -> Self {
        let scope = scope.into();
        Self { write: Some(scope.clone()), read: vec![scope] }
    }

    /// Orders grants. A scope named twice counts where it was named first, with all permissions together.
    #[must_use]
    pub fn from_grants(grants: &[Grant]) -> Self {
        let write = grants.iter().find(|grant| grant.permission.can_write()).map(|grant| grant.scope.clone());
        let readable: Vec<&str> = grants
            .iter()
            .filter(|grant| grant.permission.can_read())
            .map(|grant| grant.scope.as_str())
            .collect();
        let first = write.as_deref().filter(|scope| readable.contains(scope));
        let mut read: Vec<String> = Vec::with_capacity(readable.len());
        for scope in first.into_iter().chain(readable.iter().copied()) {
            if !read.iter().any(|known| known == scope) {
                read.push(scope.to_owned());
            }
        }
        Self { write, read }
    }

    /// Grants that [`Scopes::from_grants`] orders in the same way.
    #[must_use]
    pub fn to_grants(&self) -> Vec<Grant> {
        let permission = |scope: &String| {
            if self.write.as_ref() == Some(scope) { Permission::READ_WRITE } else { Permission::READ }
        };
        let write_only = self.write.iter().filter(|scope| !self.read.contains(scope));
        let write_only =
            write_only.map(|scope| Grant { scope: scope.clone(), permission: Permission::WRITE });
        let read =
            self.read.iter().map(|scope| Grant { scope: scope.clone(), permission: permission(scope) });
        write_only.chain(read).collect()
    }

    /// The scope that saves go to.
    pub fn writable(&self) -> Result<&str, ScopeDenied> {
        self.write.as_deref().ok_or(ScopeDenied::Write)
    }

    /// The scopes that lookups search, at least one.
    pub fn readable(&self) -> Result<&[String], ScopeDenied> {
        if self.read.is_empty() { Err(ScopeDenied::Read) } else { Ok(&self.read) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(grants: &[&str]) -> Scopes {
        Scopes::from_grants(&grants.iter().map(|grant| grant.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn the_writable_scope_is_searched_first() {
        let scopes = scopes(&["refs/heads/main:r", "refs/heads/base:r", "refs/pull/7/merge:rw"]);
        assert_eq!(scopes.write.as_deref(), Some("refs/pull/7/merge"));
        assert_eq!(scopes.read, ["refs/pull/7/merge", "refs/heads/main", "refs/heads/base"]);
    }

    #[test]
    fn a_write_only_scope_is_not_searched() {
        let scopes = scopes(&["refs/heads/dev:w", "refs/heads/main:r"]);
        assert_eq!(scopes.writable(), Ok("refs/heads/dev"));
        assert_eq!(scopes.readable().unwrap(), ["refs/heads/main"]);
        assert_eq!(Scopes::from_grants(&scopes.to_grants()), scopes);
    }

    #[test]
    fn permissions_of_a_scope_named_twice_add_up() {
        let scopes = scopes(&["refs/heads/main:r", "refs/heads/main:w"]);
        assert_eq!(scopes, Scopes::read_write("refs/heads/main"));
    }

    #[test]
    fn refusals_begin_as_the_clients_expect() {
        let nothing = Scopes::default();
        assert!(nothing.writable().unwrap_err().to_string().starts_with("cache write denied:"));
        assert!(nothing.readable().unwrap_err().to_string().contains("cache read denied:"));
    }
}
