//! Finding what a restore gets.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use snowbank_catalog::ids::{EntryId, Timestamp};
use snowbank_catalog::rooms::{Entry, Hit, Listed, Listing, Protocol, Representation, SortBy, Why};

use super::presence::Look;
use super::snapshots::is_meant;
use super::{Caller, Direction, Kind, Outcome, Place, Result, Service, ServiceError};

/// Clocks of the database and of the processes may differ by so much, and a download may begin in a URL's last second.
const MAX_MARGIN: Duration = Duration::from_secs(600);

/// A hit, ready to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The entry.
    pub entry: EntryId,
    /// Its key, in the case in which it was saved.
    pub key: String,
    /// Its scope.
    pub scope: String,
    /// Its version.
    pub version: String,
    /// When it was saved.
    pub created: Timestamp,
    /// Path and query of the signed URL; the protocol puts the server's address before it.
    pub path: String,
}

impl Outcome {
    /// What a lookup of these keys came to: a hit is what the primary key means.
    #[must_use]
    pub fn of(found: Option<&Found>, keys: &[String]) -> Self {
        match (found, keys.first()) {
            (None, _) => Self::Miss,
            (Some(found), Some(key)) if is_meant(key, &found.key) => Self::Hit,
            (Some(_), _) => Self::Partial,
        }
    }
}

impl Service {
    /// The entry for a restore: `keys` are the primary key, then the restore keys. A miss is `None`.
    pub async fn lookup(
        &self,
        caller: &Caller,
        protocol: Protocol,
        keys: &[String],
        version: &str,
    ) -> Result<Option<Found>> {
        let found = self.find(caller, keys, version).await?;
        self.0.events.lookup(caller, protocol, keys, version, found.as_ref());
        Ok(found)
    }

    async fn find(&self, caller: &Caller, keys: &[String], version: &str) -> Result<Option<Found>> {
        if caller.scopes.read.is_empty() {
            return Err(ServiceError::new(
                Kind::PermissionDenied,
                "cache read denied: token has no readable scopes",
            ));
        }
        // A second look finds what is next best after a damaged entry was taken away, and the new form of one that was
        // recoded meanwhile.
        for _ in 0..8 {
            let hit = self.0.catalog.lookup(caller.repository.id, &caller.scopes.read, version, keys).await?;
            let Some(Hit { entry, representation }) = hit else { return Ok(None) };
            match self.look(entry.id, &representation).await? {
                Look::Whole => {}
                Look::Outdated => continue,
                Look::Lost => {
                    self.0.metrics.damaged(Place::Lookup);
                    tracing::error!(entry = %entry.id, key = entry.slot.key, "an entry's objects are missing: it becomes a miss");
                    self.0.catalog.delete(&[entry.id], Why::Damaged).await?;
                    continue;
                }
            }
            if let Some(path) = self.download_path(&representation).await? {
                self.0.access.note(entry.id, entry.repo, &entry.slot, entry.size);
                return Ok(Some(found(entry, path)));
            }
        }
        Ok(None)
    }

    /// Entries that a job can see whose key begins so, newest first (v1's list).
    pub async fn visible(&self, caller: &Caller, key_prefix: &str, limit: u64) -> Result<Listed> {
        let listing = Listing {
            repo: Some(caller.repository.id),
            key_prefix: Some(key_prefix.to_owned()),
            key: None,
            scopes: Some(caller.scopes.read.clone()),
            sort: SortBy::Created,
            descending: true,
            offset: 0,
            limit,
        };
        Ok(self.0.catalog.list(&listing).await?)
    }

    /// A signed path under which the representation can be fetched for some time, retired or not. `None` when it
    /// has just gone.
    async fn download_path(&self, representation: &Representation) -> Result<Option<String>> {
        let lifetime = self.settings().times.download_url.0;
        let now = SystemTime::now();
        let margin = MAX_MARGIN.min(lifetime);
        let enough = millis(now + lifetime + margin);
        if representation.held_until.0 < enough {
            // Twice the lifetime, so that not every lookup of a popular entry is a write.
            let held = self.0.catalog.hold(representation.id, lifetime * 2 + margin).await?;
            if held.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(self.0.signer.sign(Direction::Download, representation.id.0, now + lifetime)))
    }
}

fn found(entry: Entry, path: String) -> Found {
    Found {
        entry: entry.id,
        key: entry.slot.key,
        scope: entry.slot.scope,
        version: entry.slot.version,
        created: entry.created,
        path,
    }
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
