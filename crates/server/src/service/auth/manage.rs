//! Rights to look after the caches of repositories: what a person's token is given, and what that comes to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use snowbank_catalog::rooms::Names;

use crate::service::is_repository_name;

/// What may be done with all caches of a repository, whatever ref they were saved under. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManageRight {
    /// Listing caches, and what they come to.
    Read,
    /// Deleting them.
    Write,
    /// Setting the limits.
    Admin,
}

/// A right on one repository, `owner/name`, or on all of an owner, `owner/*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManageGrant {
    /// Which repositories, in lower case.
    repositories: String,
    /// What may be done.
    right: ManageRight,
}

/// A text that is no grant.
#[derive(Debug, thiserror::Error)]
pub enum ManageGrantError {
    /// No repositories and a right.
    #[error("`{}` is not written OWNER/NAME:RIGHT or OWNER/*:RIGHT, as in `acme/*:write`", .0.escape_debug())]
    Form(String),
    /// An unknown right.
    #[error("`{}` is no right: there are read, write and admin", .0.escape_debug())]
    Right(String),
}

impl ManageGrant {
    /// What these grants come to for a repository, in any case.
    pub(super) fn over_repository(grants: &[Self], repository: &str) -> Option<ManageRight> {
        let folded = repository.to_ascii_lowercase();
        let owner = folded.split_once('/').map_or("", |(owner, _)| owner);
        let matches = |grant: &&Self| grant.repositories == folded || grant.is_over(owner);
        grants.iter().filter(matches).map(|grant| grant.right).max()
    }

    /// What they come to for all repositories of an owner, in any case.
    pub(super) fn over_owner(grants: &[Self], owner: &str) -> Option<ManageRight> {
        let folded = owner.to_ascii_lowercase();
        grants.iter().filter(|grant| grant.is_over(&folded)).map(|grant| grant.right).max()
    }

    /// The repositories that it is about.
    pub(super) fn names(&self) -> Names {
        match self.repositories.strip_suffix("/*") {
            Some(owner) => Names::Owner(owner.to_owned()),
            None => Names::One(self.repositories.clone()),
        }
    }

    fn is_over(&self, owner: &str) -> bool {
        self.repositories.strip_suffix("/*") == Some(owner)
    }
}

impl FromStr for ManageGrant {
    type Err = ManageGrantError;

    fn from_str(text: &str) -> Result<Self, ManageGrantError> {
        let form = || ManageGrantError::Form(text.to_owned());
        let (repositories, right) = text.rsplit_once(':').ok_or_else(form)?;
        let right = match right {
            "read" => ManageRight::Read,
            "write" => ManageRight::Write,
            "admin" => ManageRight::Admin,
            other => return Err(ManageGrantError::Right(other.to_owned())),
        };
        let owner = repositories.strip_suffix("/*");
        let named = owner.map_or_else(|| repositories.to_owned(), |owner| format!("{owner}/all"));
        if !is_repository_name(&named) {
            return Err(form());
        }
        Ok(Self { repositories: repositories.to_ascii_lowercase(), right })
    }
}

impl fmt::Display for ManageRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        })
    }
}

impl fmt::Display for ManageGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repositories, self.right)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grants(texts: &[&str]) -> Vec<ManageGrant> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_most_that_is_granted_counts() {
        let grants = grants(&["acme/*:read", "Acme/App:write"]);
        let over = |name| ManageGrant::over_repository(&grants, name);
        assert_eq!(over("acme/APP"), Some(ManageRight::Write));
        assert_eq!(over("acme/other"), Some(ManageRight::Read));
        assert_eq!(over("acme2/app"), None);
        assert_eq!(over("acme"), None);
        assert_eq!(ManageGrant::over_owner(&grants, "ACME"), Some(ManageRight::Read));
        assert_eq!(ManageGrant::over_owner(&grants, "acme/app"), None);
        assert_eq!(ManageGrant::over_owner(&grants, ""), None);
    }

    #[test]
    fn a_repository_is_not_its_owner() {
        assert_eq!(ManageGrant::over_owner(&grants(&["acme/app:admin"]), "acme"), None);
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        for text in
            ["", "acme", "acme:read", "acme/app", "acme/app:", "acme/app:pull", "*/*:read", "acme/a*:read"]
        {
            assert!(text.parse::<ManageGrant>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_grant_prints_as_it_is_read(text in "[a-z]{1,5}/([a-z]{1,5}|\\*):(read|write|admin)") {
            prop_assert_eq!(text.parse::<ManageGrant>().unwrap().to_string(), text);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,40}") {
            let _ = text.parse::<ManageGrant>();
        }
    }
}
