//! Writing what has gathered.

use snowbank_catalog::rooms::{NewLookup, Outcome, Restores, Tally};

use super::explain::explain;
use super::log::Gathered;
use crate::service::{Result, Service};

/// Rows of one statement.
const BATCH: usize = 256;
/// Misses that are looked into in one go, and so in a second: each takes some ten reads. More are written without a
/// reason.
const EXPLAINED: usize = 64;

impl Service {
    /// Explains and writes what has gathered. Called every second, before anybody looks at it, and at the end.
    pub async fn write_events(&self) -> Result<()> {
        let _turn = self.0.events.writing.lock().await;
        let Gathered { lookups, counts, restores, parts, dropped, .. } = self.0.events.take();
        if dropped > 0 {
            tracing::warn!(dropped, "lookups came faster than they could be written: some are not noted");
        }
        let tally = |((repo, protocol), counts)| Tally { repo, protocol, counts };
        self.0.catalog.add_counts(&counts.into_iter().map(tally).collect::<Vec<_>>()).await?;
        for (snapshot, packs) in parts {
            self.0.catalog.note_parts(snapshot, &packs).await?;
        }
        let restores: Vec<Restores> = restores.into_values().collect();
        for batch in restores.chunks(BATCH) {
            self.0.catalog.note_restores(batch).await?;
        }
        let mut lookups: Vec<_> = lookups.into_iter().collect();
        lookups.sort_by_key(|(_, (_, first))| *first);
        let mut explained = 0;
        let mut rows = Vec::with_capacity(BATCH.min(lookups.len()));
        for (asked, (times, first)) in lookups {
            let reason = match asked.outcome {
                Outcome::Miss if explained < EXPLAINED => {
                    explained += 1;
                    let nearby = self.0.catalog.near(asked.question.repo, &asked.question.keys).await?;
                    Some(explain(&asked.question, &nearby))
                }
                _ => None,
            };
            rows.push(NewLookup {
                question: asked.question,
                outcome: asked.outcome,
                matched: asked.matched,
                reason,
                times,
                ago: first.elapsed(),
            });
            if rows.len() == BATCH {
                self.0.catalog.note_lookups(&rows).await?;
                rows.clear();
            }
        }
        Ok(self.0.catalog.note_lookups(&rows).await?)
    }
}
