//! What a valid token says of its bearer.

use snowbank_actions::scope::Scopes;
use snowbank_catalog::rooms::Names;

use super::grant::{CacheGrant, Grant};
use super::manage::{ManageGrant, ManageRight};

/// The repository that every caller belongs to in trust mode.
const TRUSTED_REPOSITORY: &str = "local/local";

/// What a valid token says of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A job of this repository, with what it may read and write.
    Job {
        /// `owner/name`.
        repository: String,
        /// What it may read and write.
        scopes: Scopes,
    },
    /// Somebody on this machine, in trust mode.
    Trusted {
        /// What may be read and written of the one repository of trust mode.
        scopes: Scopes,
    },
    /// Somebody with rights on binary caches.
    Caches {
        /// The rights.
        grants: Vec<CacheGrant>,
        /// Who it is; see [`Identity::subject`].
        subject: String,
    },
    /// Somebody who looks after the caches of repositories.
    Manager {
        /// The rights.
        grants: Vec<ManageGrant>,
        /// Who it is; see [`Identity::subject`].
        subject: String,
    },
    /// Somebody who administers this server.
    Admin {
        /// Who it is; see [`Identity::subject`].
        subject: String,
    },
}

impl Identity {
    /// What may be done with the binary cache of this name.
    #[must_use]
    pub fn may(&self, cache: &str) -> Grant {
        match self {
            Self::Job { .. } | Self::Manager { .. } => Grant::default(),
            Self::Trusted { .. } => Grant { pull: true, push: true, ..Grant::default() },
            Self::Caches { grants, .. } => Grant::of(grants, cache),
            Self::Admin { .. } => Grant::ALL,
        }
    }

    /// A text that tells bearers apart and stays the same as long as their token does: `token:<id>` for a token that
    /// is listed, `oidc:<issuer>#<sub>` for one that was given for an identity token.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::Job { repository, .. } => format!("job:{repository}"),
            Self::Trusted { .. } => "trusted".to_owned(),
            Self::Caches { subject, .. } | Self::Manager { subject, .. } | Self::Admin { subject } => {
                subject.clone()
            }
        }
    }

    /// The repository that it is a job of, with what it may read and write there.
    #[must_use]
    pub fn job(&self) -> Option<(&str, &Scopes)> {
        match self {
            Self::Job { repository, scopes } => Some((repository, scopes)),
            Self::Trusted { scopes } => Some((TRUSTED_REPOSITORY, scopes)),
            Self::Caches { .. } | Self::Manager { .. } | Self::Admin { .. } => None,
        }
    }

    /// What it may do with all caches of a repository, whatever ref they were saved under.
    #[must_use]
    pub fn manages(&self, repository: &str) -> Option<ManageRight> {
        match self {
            Self::Manager { grants, .. } => ManageGrant::over_repository(grants, repository),
            _ => self.is_admin().then_some(ManageRight::Admin),
        }
    }

    /// The repositories of which it sees what they come to; none for all.
    pub(in crate::service) fn sees_repositories(&self) -> Option<Vec<Names>> {
        match self {
            Self::Admin { .. } => None,
            Self::Manager { grants, .. } => Some(grants.iter().map(ManageGrant::names).collect()),
            _ => Some(self.job().map(|(own, _)| Names::One(own.to_owned())).into_iter().collect()),
        }
    }

    /// What it may do with all repositories of an owner.
    #[must_use]
    pub fn manages_owner(&self, owner: &str) -> Option<ManageRight> {
        match self {
            Self::Manager { grants, .. } => ManageGrant::over_owner(grants, owner),
            _ => self.is_admin().then_some(ManageRight::Admin),
        }
    }

    /// Whether it administers this server.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::Admin { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_administrators_may_everything_everywhere() {
        let scopes = Scopes::read_write("refs/heads/main");
        let job = Identity::Job { repository: "acme/app".into(), scopes: scopes.clone() };
        assert_eq!(job.may("team"), Grant::default());
        let trusted = Identity::Trusted { scopes }.may("team");
        assert!(trusted.push && trusted.pull && !trusted.admin && !trusted.pin);
        let admin = Identity::Admin { subject: "a".into() };
        assert_eq!(admin.may("team"), Grant::ALL);
        assert_eq!(admin.manages_owner("acme"), Some(ManageRight::Admin));
        assert_eq!(job.manages("acme/app"), None);
        let grants = vec!["acme/*:admin".parse().unwrap()];
        let manager = Identity::Manager { grants, subject: "a".into() };
        assert_eq!(manager.manages("acme/app"), Some(ManageRight::Admin));
        assert_eq!((manager.may("acme"), manager.is_admin(), manager.job()), (Grant::default(), false, None));
    }
}
