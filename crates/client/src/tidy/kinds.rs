//! What the entries of a repository are to this client.

use std::collections::HashSet;

use snowbank_actions::client::rest::CacheEntry;
use snowbank_nix::store_path::StoreDir;

use crate::series::{Key, Versions};
use crate::snapshot::PACK_PREFIX;

/// What snapshots are saved on; together the names of systems that versions are made of.
const PROCESSORS: [&str; 7] = ["x86_64", "aarch64", "x86", "arm", "riscv64", "powerpc64", "s390x"];
const SYSTEMS: [&str; 3] = ["linux", "darwin", "freebsd"];

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The index of a snapshot.
    Index {
        /// Its series.
        series: Key,
        /// Its number; 0 for a key that is saved once.
        generation: u64,
    },
    /// A pack.
    Pack,
    /// Somebody else's.
    Other,
}

/// Tells entries apart by their versions: other tools, too, count in their keys.
#[derive(Clone, Debug)]
pub struct Kinds {
    indexes: HashSet<String>,
    packs: String,
}

impl Kinds {
    /// For the snapshots of every known system, of stores in these directories. Those of a store in another one are
    /// taken for somebody else's.
    #[must_use]
    pub fn new(dirs: &[StoreDir]) -> Self {
        let pairs = PROCESSORS.iter().flat_map(|processor| SYSTEMS.map(|system| (processor, system)));
        let versions = pairs.flat_map(|(processor, system)| {
            let version = move |dir| Versions::new(&format!("{processor}-{system}"), dir);
            dirs.iter().map(version)
        });
        let (mut indexes, mut packs) = (HashSet::new(), String::new());
        for version in versions {
            indexes.insert(version.index);
            packs = version.pack;
        }
        Self { indexes, packs }
    }

    /// What an entry is.
    #[must_use]
    pub fn of(&self, entry: &CacheEntry) -> Kind {
        if self.indexes.contains(&entry.version)
            && let Some((series, generation)) = Key::split(&entry.key)
        {
            return Kind::Index { series, generation };
        }
        if entry.version == self.packs && entry.key.starts_with(PACK_PREFIX) {
            Kind::Pack
        } else {
            Kind::Other
        }
    }

    /// Whether it is a pack.
    #[must_use]
    pub fn is_pack(&self, entry: &CacheEntry) -> bool {
        self.of(entry) == Kind::Pack
    }

    /// Whether it is an index.
    #[must_use]
    pub fn is_index(&self, entry: &CacheEntry) -> bool {
        matches!(self.of(entry), Kind::Index { .. })
    }
}

impl Default for Kinds {
    /// For stores in `/nix/store`.
    fn default() -> Self {
        Self::new(&[StoreDir::default()])
    }
}
