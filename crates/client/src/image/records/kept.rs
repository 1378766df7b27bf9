//! Records as an entry of a cache service holds them.
//!
//! `SNOWLAYR`, a version (u32, little-endian), the BLAKE3 of the message, and the message:
//! [`snowbank_binary_cache::bulk::Layers`], the longest unused first.

use std::collections::{HashMap, HashSet};
use std::io;

use prost::Message;
use snowbank_binary_cache::bulk::{Layers, ToldLayer, WireLayer};
use snowbank_oci::record::{LayerKey, LayerRecord};

use super::told;
use crate::series::Entry;
use crate::snapshot::SnapshotError;

const MAGIC: [u8; 8] = *b"SNOWLAYR";

const VERSION: u32 = 1;

/// Records of one entry at most, some 130 bytes each.
const MOST: usize = 4096;

/// Records of layers, those that were not used for longest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept(Vec<(LayerKey, LayerRecord)>);

impl Kept {
    /// Reads an entry.
    ///
    /// # Errors
    /// When it holds no records.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(SnapshotError::NotAnIndex)?;
        let short = SnapshotError::Damaged("it ends early");
        let Some((version, rest)) = rest.split_first_chunk::<4>() else { return Err(short) };
        let found = u32::from_le_bytes(*version);
        if found != VERSION {
            return Err(SnapshotError::Newer { found, known: VERSION });
        }
        let Some((hash, message)) = rest.split_first_chunk::<32>() else { return Err(short) };
        if blake3::hash(message) != *hash {
            return Err(SnapshotError::Damaged("it has another hash"));
        }
        let Layers { layers } =
            Layers::decode(message).map_err(|_| SnapshotError::Damaged("it is no message"))?;
        if layers.len() > MOST {
            return Err(SnapshotError::Damaged("it tells of too many layers"));
        }
        let layer = |layer| ToldLayer::try_from(layer).map_err(|error| invalid(&error));
        let layers = layers.into_iter().map(layer).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::default().with(layers.iter().filter_map(told::record)))
    }

    /// The entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let layers = self.0.iter().map(|(key, record)| WireLayer::from(&told::told(key, record)));
        let message = Layers { layers: layers.collect() }.encode_to_vec();
        let hash = blake3::hash(&message);
        [&MAGIC[..], &VERSION.to_le_bytes(), hash.as_bytes(), &message].concat()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> HashMap<LayerKey, LayerRecord> {
        self.0.iter().copied().collect()
    }

    /// With these used last, in the place of others of the same key; without what is too much then.
    #[must_use]
    pub fn with(mut self, new: impl IntoIterator<Item = (LayerKey, LayerRecord)>) -> Self {
        self.0.extend(new);
        let mut seen = HashSet::new();
        self.0.reverse();
        self.0.retain(|(key, _)| seen.insert(*key));
        self.0.truncate(MOST);
        self.0.reverse();
        self
    }

    /// With those of these keys used last.
    #[must_use]
    pub fn using(self, keys: &HashSet<LayerKey>) -> Self {
        let (used, rest): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|(key, _)| keys.contains(key));
        Self([rest, used].concat())
    }
}

fn invalid(error: &impl std::fmt::Display) -> SnapshotError {
    SnapshotError::Invalid { what: "layer", value: error.to_string() }
}

impl Entry for Kept {
    /// Sixteen times what so many records take.
    const MOST: u64 = 8 << 20;

    fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::decode(bytes)
    }

    fn encode(&self) -> io::Result<Vec<u8>> {
        Ok(Self::encode(self))
    }

    fn unite(self, others: &Self) -> Self {
        others.clone().with(self.0)
    }
}
