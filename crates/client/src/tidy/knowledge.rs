//! Which packs a snapshot names stands in its index alone, and an index is read through the cache service, with a job's
//! token: so it is known of some, and of others it is not.

use std::collections::{HashMap, HashSet};

use snowbank_actions::client::rest::CacheEntry;
use snowbank_actions::client::{CacheClient, ClientError};
use snowbank_actions::scope::Scopes;

use super::Kinds;
use crate::series::load;
use crate::snapshot::PackRef;

/// Indexes that are read at the most; to read one counts as its use.
const MOST: usize = 40;

/// Their bytes together.
const MOST_BYTES: u64 = 256 << 20;

/// The keys of the packs that indexes name, by the numbers of their entries.
#[derive(Clone, Debug, Default)]
pub struct Knowledge(HashMap<u64, HashSet<String>>);

impl Knowledge {
    /// The keys of the packs that an index names; none when it was not read.
    #[must_use]
    pub fn of(&self, index: &CacheEntry) -> Option<&HashSet<String>> {
        self.0.get(&index.id)
    }

    /// Adds what an index names.
    pub fn learn(&mut self, index: &CacheEntry, packs: impl IntoIterator<Item = String>) {
        self.0.insert(index.id, packs.into_iter().collect());
    }

    /// Reads `indexes`, those that can be. Holds one at a time, and the keys that they name.
    ///
    /// # Errors
    /// When the service does not answer as it should.
    pub async fn read(client: &CacheClient, indexes: &[&CacheEntry]) -> Result<Self, ClientError> {
        let mut known = Self::default();
        for index in indexes {
            let found = client.lookup(&index.key, &[], &index.version).await?;
            let Some(found) = found.filter(|found| found.key == index.key) else { continue };
            match load(client, &found.url).await {
                // Of another size it is another one of the same name.
                Ok(Ok((snapshot, size))) if size == index.size => {
                    known.learn(index, snapshot.packs.iter().map(PackRef::key));
                }
                Ok(_) => {}
                Err(error) if error.is_outage() => return Err(error),
                // Gone meanwhile, or damaged: nothing is known of it.
                Err(_) => {}
            }
        }
        Ok(known)
    }
}

/// The indexes that a job with these scopes gets when it looks their keys up: of several entries with the same key and
/// version the one in the scope that is searched first. Without scopes, those that nothing can be taken for.
#[must_use]
pub fn readable<'a>(
    entries: &'a [CacheEntry],
    kinds: &Kinds,
    scopes: Option<&Scopes>,
) -> Vec<&'a CacheEntry> {
    let mut found: HashMap<(&str, &str), Vec<&CacheEntry>> = HashMap::new();
    for entry in entries.iter().filter(|entry| kinds.is_index(entry)) {
        found.entry((&entry.key, &entry.version)).or_default().push(entry);
    }
    let given = |same: Vec<&'a CacheEntry>| match scopes {
        Some(scopes) => {
            scopes.read.iter().find_map(|scope| same.iter().copied().find(|entry| entry.scope == *scope))
        }
        None => <[_; 1]>::try_from(same).ok().map(|[entry]| entry),
    };
    let mut readable: Vec<_> = found.into_values().filter_map(given).collect();
    readable.sort_by_key(|entry| (std::cmp::Reverse(entry.created), entry.id));
    readable
}

/// As many of `indexes`, from the first on, as are read in one go.
#[must_use]
pub fn within_bounds<'a>(indexes: &[&'a CacheEntry]) -> Vec<&'a CacheEntry> {
    let mut bytes = 0;
    let fits = |entry: &&&CacheEntry| {
        bytes += entry.size;
        bytes <= MOST_BYTES
    };
    indexes.iter().take(MOST).take_while(fits).copied().collect()
}

/// Whether a job that saved an index in one scope could have named a pack in another: it sees its own ref, its base and
/// the default branch. Which branches these are is not known here, but pull requests and tags are nobody's base.
#[must_use]
pub fn may_name(index: &CacheEntry, pack: &CacheEntry) -> bool {
    let private = pack.scope.starts_with("refs/pull/") || pack.scope.starts_with("refs/tags/");
    // And a pack is always there before an index that names it.
    index.created >= pack.created && (index.scope == pack.scope || !private)
}
