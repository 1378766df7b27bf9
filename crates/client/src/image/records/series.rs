//! Records beside the snapshots of a cache service: GitHub's, ours, or a folder.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use snowbank_actions::client::CacheClient;
use snowbank_oci::record::{LayerKey, LayerRecord};
use tokio::sync::{Mutex, MutexGuard};

use super::{Kept, Records, RecordsError};
use crate::series::{self, FindError, Key, KeyError, Naming, Published};

/// What the keys of series of records begin with.
const PREFIX: &str = "snowbank-layers-";

/// The format of entries; who looks for snapshots does not find them.
const FORMAT: &str = "snowbank layers 1";

/// Records as generations of a series of their own. Who sees which is the service's to say, as with snapshots: a pull
/// request's entry is not seen by the default branch.
pub struct SeriesRecords {
    client: CacheClient,
    key: Key,
    version: String,
    state: Mutex<Option<State>>,
}

/// What was found, and what was used of it.
#[derive(Clone, Default)]
struct State {
    kept: Kept,
    generation: u64,
    used: HashSet<LayerKey>,
}

impl SeriesRecords {
    /// Records of what is pushed under `name`, such as an image's repository. Nothing is asked yet.
    ///
    /// # Errors
    /// When the name can be no part of a key.
    pub fn new(client: CacheClient, name: &str) -> Result<Self, KeyError> {
        let key = format!("{PREFIX}{name}").parse()?;
        Ok(Self { client, key, version: hex::encode(Sha256::digest(FORMAT)), state: Mutex::default() })
    }

    /// What is there, asked once.
    async fn state(&self) -> Result<MutexGuard<'_, Option<State>>, RecordsError> {
        let mut state = self.state.lock().await;
        if state.is_none() {
            let found =
                series::newest::<Kept>(&self.client, &self.version, Naming::Generations, &self.key, &[]);
            match found.await {
                Ok(None) => *state = Some(State::default()),
                Ok(Some(found)) => {
                    let (kept, generation) = (found.content, found.generation);
                    *state = Some(State { kept, generation, used: HashSet::new() });
                }
                Err(error) => {
                    // What is damaged is told of once, and replaced by what comes.
                    if let FindError::Snapshot { entry, .. } = &error {
                        let generation = Key::split(entry).map_or(0, |(_, number)| number);
                        *state = Some(State { generation, ..State::default() });
                    }
                    return Err(RecordsError::Find(error));
                }
            }
        }
        Ok(state)
    }
}

#[async_trait]
impl Records for SeriesRecords {
    async fn known(&self, keys: &[LayerKey]) -> Result<HashMap<LayerKey, LayerRecord>, RecordsError> {
        let mut state = self.state().await?;
        let Some(state) = state.as_mut() else { return Ok(HashMap::new()) };
        state.used.extend(keys);
        let all = state.kept.all();
        Ok(keys.iter().filter_map(|key| Some((*key, *all.get(key)?))).collect())
    }

    async fn add(&self, new: &[(LayerKey, LayerRecord)]) -> Result<(), RecordsError> {
        let mut state = self.state().await?;
        let Some(state) = state.as_mut() else { return Ok(()) };
        let all = state.kept.all();
        if new.iter().all(|(key, record)| all.get(key) == Some(record)) {
            return Ok(());
        }
        let kept = state.kept.clone().using(&state.used).with(new.iter().copied());
        let number = state.generation;
        let added =
            series::add(&self.client, &self.version, Naming::Generations, &self.key, number, kept.clone());
        match added.await.map_err(RecordsError::Publish)? {
            Published::Denied(why) => Err(RecordsError::Denied(why)),
            // A series of generations is never saved under a key that exists.
            Published::Exists => Ok(()),
            Published::As { entry, .. } => {
                state.kept = kept;
                state.generation = Key::split(&entry).map_or(number + 1, |(_, number)| number);
                Ok(())
            }
        }
    }
}
