//! Rights on binary caches: what a token is given, and what that comes to for one cache.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::pattern::matches;
use crate::settings::{MAX_CACHE_NAME, NoSuchRight, Right};

/// The longest pattern of caches' names, in bytes.
const MAX_PATTERN: usize = 2 * MAX_CACHE_NAME;

/// Rights on all caches whose names match a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheGrant {
    /// Which caches; `*` is any run of characters.
    pub pattern: String,
    /// What may be done there.
    pub rights: Vec<Right>,
    /// The view that pushes land in, and that pulls see beside the cache itself; nothing for the cache itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// What somebody may do with one cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Reading.
    pub pull: bool,
    /// Adding, to the view if there is one, else to the cache itself.
    pub push: bool,
    /// Naming what is kept.
    pub pin: bool,
    /// Everything.
    pub admin: bool,
    /// The view that pushes land in, and that pulls see beside the cache itself.
    pub view: Option<String>,
}

/// A text that is no grant.
#[derive(Debug, thiserror::Error)]
pub enum CacheGrantError {
    /// No pattern and rights.
    #[error("`{}` is not written PATTERN:RIGHTS, as in `team-*:pull,push`", .0.escape_debug())]
    Form(String),
    /// A pattern that no cache's name matches.
    #[error("`{}` matches no cache: names have a-z, 0-9, `.`, `_` and `-`, and `*` is any run of them", .0.escape_debug())]
    Pattern(String),
    /// An unknown right.
    #[error(transparent)]
    Right(#[from] NoSuchRight),
}

impl Grant {
    /// Everything, on the cache itself.
    pub(super) const ALL: Self = Self { pull: true, push: true, pin: true, admin: true, view: None };

    /// What these grants come to for the cache of this name: their sum. Who has a view in any of them has no right
    /// outside of it: he neither pins nor administers, and what he pushes lands there.
    pub(in crate::service) fn of(grants: &[CacheGrant], cache: &str) -> Self {
        let mut sum = Self::default();
        for grant in grants.iter().filter(|grant| matches(&grant.pattern, cache)) {
            for right in &grant.rights {
                match right {
                    Right::Pull => sum.pull = true,
                    Right::Push => sum.push = true,
                    Right::Pin => sum.pin = true,
                    Right::Admin => sum.admin = true,
                }
            }
            sum.view = sum.view.or_else(|| grant.view.clone());
        }
        if sum.view.is_some() {
            sum.push |= sum.admin;
            (sum.pin, sum.admin) = (false, false);
        }
        if sum.admin {
            return Self::ALL;
        }
        sum.pull |= sum.push;
        sum
    }
}

impl FromStr for CacheGrant {
    type Err = CacheGrantError;

    fn from_str(text: &str) -> Result<Self, CacheGrantError> {
        let form = || CacheGrantError::Form(text.to_owned());
        let (pattern, rights) = text.split_once(':').ok_or_else(form)?;
        if !is_pattern(pattern) {
            return Err(CacheGrantError::Pattern(pattern.to_owned()));
        }
        let rights = rights.split(',').map(|word| word.trim().parse()).collect::<Result<_, _>>()?;
        Ok(Self { pattern: pattern.to_owned(), rights, view: None })
    }
}

/// As it is read; a view, which only a job's identity gives, stands behind an `@`.
impl fmt::Display for CacheGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.pattern)?;
        for (number, right) in self.rights.iter().enumerate() {
            write!(f, "{}{right}", if number == 0 { "" } else { "," })?;
        }
        self.view.as_ref().map_or(Ok(()), |view| write!(f, "@{view}"))
    }
}

fn is_pattern(pattern: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-*".contains(&b);
    (1..=MAX_PATTERN).contains(&pattern.len()) && pattern.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn may(grants: &[&str], cache: &str) -> Grant {
        let grants: Vec<CacheGrant> = grants.iter().map(|grant| grant.parse().unwrap()).collect();
        Grant::of(&grants, cache)
    }

    #[test]
    fn grants_that_match_add_up() {
        let sum = may(&["team-*:pull", "team-a:pin", "other:admin"], "team-a");
        assert_eq!(sum, Grant { pull: true, pin: true, ..Grant::default() });
    }

    #[test]
    fn without_a_matching_grant_nothing_is_allowed() {
        assert_eq!(may(&["team-*:admin"], "Team-a"), Grant::default());
        assert_eq!(may(&[], "team-a"), Grant::default());
    }

    #[test]
    fn who_may_push_may_pull() {
        assert_eq!(may(&["a:push"], "a"), Grant { pull: true, push: true, ..Grant::default() });
    }

    #[test]
    fn an_admin_may_everything() {
        assert_eq!(may(&["a:admin"], "a"), Grant::ALL);
    }

    #[test]
    fn a_view_holds_whatever_else_is_granted() {
        let mut grants: Vec<CacheGrant> = vec!["a:pull".parse().unwrap(), "a:admin".parse().unwrap()];
        grants[0].view = Some("v".to_owned());
        let in_view = Grant { pull: true, push: true, view: Some("v".to_owned()), ..Grant::default() };
        assert_eq!(Grant::of(&grants, "a"), in_view);
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        for text in
            ["", "a", "a:", ":pull", "a:pull,", "a:pull push", "A:pull", "a/b:pull", "a b:pull", "a:all"]
        {
            assert!(text.parse::<CacheGrant>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_grant_prints_as_it_is_read(text in "[a-z*]{1,5}:(pull|push|pin|admin)(,(pull|push|pin|admin)){0,3}") {
            prop_assert_eq!(text.parse::<CacheGrant>().unwrap().to_string(), text);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,40}") {
            let _ = text.parse::<CacheGrant>();
        }
    }
}
