//! Limits that are read and set while the server runs.

mod cascade;

use snowbank_catalog::rooms::{JobKind, LimitChange, LimitKind};

pub(super) use cascade::Cascade;

use super::auth::{ManageRight, Origin};
use super::{Kind, Result, Service, ServiceError, Visitor, is_name_part};
use crate::settings::{ByteSize, Limits, Span};

/// The longest retention: beyond it no date is sure to be one.
const LONGEST: u64 = 100 * 366 * 24 * 3600 * 1000;
/// The largest size: what the catalog's numbers hold.
const LARGEST: u64 = i64::MAX.unsigned_abs();

/// What limits are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitsOn {
    /// All repositories.
    Server,
    /// The repositories of an owner.
    Owner(String),
    /// A repository, `owner/name`.
    Repository(String),
}

/// Limits that are to be set: none leaves one as it is, a none within takes it away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Bytes of all entries of a repository.
    pub size: Option<Option<u64>>,
    /// Bytes that may be set below; for the server alone.
    pub max_size: Option<Option<u64>>,
    /// Milliseconds that an entry is kept which nobody uses.
    pub retention: Option<Option<u64>>,
}

impl LimitsOn {
    /// The name under which the catalog has them.
    fn name(&self) -> String {
        match self {
            Self::Server => String::new(),
            Self::Owner(name) | Self::Repository(name) => name.to_ascii_lowercase(),
        }
    }
}

impl Service {
    /// Whether the bearer of a token administers this server; to others there is no such thing.
    pub async fn visit_server(&self, token: Option<&str>, origin: Origin<'_>) -> Result<()> {
        let identity = self.0.authenticator.identify(token, origin).await?;
        if identity.is_admin() { Ok(()) } else { Err(unknown("enterprise")) }
    }

    /// What the bearer of a token may do with all repositories of an owner; to who may nothing there is no such owner.
    pub async fn visit_owner(
        &self,
        token: Option<&str>,
        origin: Origin<'_>,
        owner: &str,
    ) -> Result<ManageRight> {
        let identity = self.0.authenticator.identify(token, origin).await?;
        let right = identity.manages_owner(owner).filter(|_| is_name_part(owner));
        right.ok_or_else(|| unknown("organization"))
    }

    /// The size in bytes, the size that may be set below, and the retention in milliseconds that hold there.
    pub async fn limits_on(&self, on: &LimitsOn) -> Result<(u64, u64, u64)> {
        let cascade = self.cascade(on).await?;
        let value = |kind| cascade.value(on, kind);
        Ok((value(LimitKind::Size), value(LimitKind::MaxSize), value(LimitKind::Retention)))
    }

    /// Sets limits, if `right` allows it and what is above allows so much. What exceeds them goes soon.
    pub async fn set_limits(&self, right: ManageRight, on: &LimitsOn, wanted: Wanted) -> Result<()> {
        if right < ManageRight::Admin {
            return Err(ServiceError::new(Kind::PermissionDenied, "this token may not set limits"));
        }
        let kinds = [
            (LimitKind::Size, wanted.size),
            (LimitKind::MaxSize, wanted.max_size),
            (LimitKind::Retention, wanted.retention),
        ];
        let change = |(kind, value): (LimitKind, Option<Option<u64>>)| {
            value.map(|value| LimitChange { name: on.name(), kind, value })
        };
        let changes: Vec<LimitChange> = kinds.into_iter().filter_map(change).collect();
        let mut cascade = self.cascade(on).await?;
        cascade.apply(&changes);
        for LimitChange { kind, value, .. } in &changes {
            let Some(value) = value else { continue };
            let longest = if *kind == LimitKind::Retention { LONGEST } else { LARGEST };
            let most = cascade.ceiling(on, *kind).unwrap_or(longest).min(longest);
            if !(1..=most).contains(value) {
                return Err(refused(*kind, most));
            }
        }
        self.0.catalog.set_limits(&changes).await?;
        for LimitChange { name, kind, value } in &changes {
            tracing::info!(name, ?kind, value, "a limit was set");
        }
        self.0.catalog.hasten(JobKind::Evict, 0).await?;
        self.0.saved.notify_one();
        Ok(())
    }

    /// What a repository may have: the configuration's word, and what was set while the server runs.
    pub async fn limits_of(&self, repository: &str) -> Result<Limits> {
        let cascade = self.cascade(&LimitsOn::Repository(repository.to_owned())).await?;
        Ok(cascade.of_repository(repository))
    }

    /// What decides the limits of all.
    pub(super) async fn whole_cascade(&self) -> Result<Cascade<'_>> {
        Ok(Cascade::new(self.settings(), self.0.catalog.limits().await?))
    }

    async fn cascade(&self, on: &LimitsOn) -> Result<Cascade<'_>> {
        let name = on.name();
        let owner = name.split_once('/').map_or("", |(owner, _)| owner);
        let mut names = vec!["", owner, &name];
        names.dedup();
        Ok(Cascade::new(self.settings(), self.0.catalog.limits_of(&names).await?))
    }
}

impl Visitor {
    /// What the limits of the repository are on.
    #[must_use]
    pub fn limits_on(&self) -> LimitsOn {
        LimitsOn::Repository(self.name().to_owned())
    }
}

fn unknown(what: &str) -> ServiceError {
    ServiceError::new(Kind::NotFound, format!("there is no such {what} for this token"))
}

fn refused(kind: LimitKind, most: u64) -> ServiceError {
    let message = match kind {
        LimitKind::Size | LimitKind::MaxSize => {
            format!("a size is over zero and at most {} here", ByteSize(most))
        }
        LimitKind::Retention => {
            let most = Span(std::time::Duration::from_millis(most));
            format!("a retention is over zero and at most {most} here")
        }
    };
    ServiceError::new(Kind::InvalidArgument, message)
}
