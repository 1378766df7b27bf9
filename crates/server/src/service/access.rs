//! Access times, gathered in memory and written in batches: a hit must not cost a write.

use std::collections::HashSet;
use std::sync::Mutex;

use snowbank_catalog::ids::EntryId;

use super::{Result, Service};

/// A batch is at most this many entries, so that one statement stays small.
const BATCH: usize = 1000;

/// Entries used since the last batch was written.
#[derive(Default)]
pub(super) struct AccessLog(Mutex<HashSet<EntryId>>);

impl AccessLog {
    pub(super) fn note(&self, entry: EntryId) {
        if let Ok(mut entries) = self.0.lock() {
            entries.insert(entry);
        }
    }

    fn take(&self) -> Vec<EntryId> {
        self.0.lock().map(|mut entries| entries.drain().collect()).unwrap_or_default()
    }
}

impl Service {
    /// Writes the access times that have gathered. Called every few seconds, before limits are enforced, and at
    /// the end; what a crash loses is seconds of recency, never content.
    pub async fn write_access_times(&self) -> Result<()> {
        for batch in self.0.access.take().chunks(BATCH) {
            self.0.catalog.touch(batch).await?;
        }
        Ok(())
    }
}
