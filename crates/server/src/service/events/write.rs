//! Writing what has gathered.

use snowbank_catalog::ids::Timestamp;
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
        let now = if lookups.is_empty() { Timestamp(0) } else { self.0.catalog.now().await? };
        let mut explained = 0;
        let mut rows = Vec::with_capacity(BATCH.min(lookups.len()));
        for (asked, (times, first)) in lookups {
            let reason = match asked.outcome {
                Outcome::Miss if explained < EXPLAINED => {
                    explained += 1;
                    let nearby = self.0.catalog.near(asked.question.repo, &asked.question.keys).await?;
                    let ago = i64::try_from(first.elapsed().as_millis()).unwrap_or(i64::MAX);
                    Some(explain(&asked.question, Timestamp(now.0.saturating_sub(ago)), nearby))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use snowbank_actions::scope::Scopes;
    use snowbank_cas::bucket::Bucket;
    use snowbank_cas::budget::Budget;
    use snowbank_catalog::rooms::{EventFilter, Lookup, Protocol, Repositories};
    use snowbank_catalog::{Catalog, SqliteCatalog};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::service::{Caller, Worker};
    use crate::settings::Settings;

    struct Home {
        catalog: Arc<dyn Catalog>,
        service: Service,
        caller: Caller,
        folder: tempfile::TempDir,
    }

    impl Home {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let catalog = Arc::new(SqliteCatalog::open(folder.path().join("catalog.db")).await.unwrap());
            let bucket = Bucket::over(Arc::new(InMemory::new()), folder.path(), Budget::new(256 << 20));
            let service =
                Service::open(Settings::default(), catalog.clone(), bucket.await.unwrap()).await.unwrap();
            let repository = catalog.repository("acme/app", "acme").await.unwrap();
            let caller = Caller { repository, scopes: Scopes::read_write("refs/heads/main") };
            Self { catalog, service, caller, folder }
        }

        async fn miss(&self, key: &str) {
            let found = self.service.lookup(&self.caller, Protocol::V2, &[key.to_owned()], "v").await;
            assert_eq!(found.unwrap(), None);
        }
    }

    async fn noted(catalog: &dyn Catalog) -> Vec<Lookup> {
        catalog.lookups(&EventFilter { limit: 1000, ..EventFilter::default() }, None).await.unwrap()
    }

    #[tokio::test]
    async fn a_worker_writes_what_has_gathered_when_it_is_told_to_stop() {
        let home = Home::new().await;
        home.miss("k").await;
        assert_eq!(noted(&*home.catalog).await, [], "a lookup writes nothing");
        let stop = CancellationToken::new();
        stop.cancel();
        Worker::new(home.service.clone()).run(stop).await;
        assert_eq!(noted(&*home.catalog).await.len(), 1);
    }

    #[tokio::test]
    async fn a_worker_writes_what_has_gathered_while_it_works() {
        let home = Home::new().await;
        let stop = CancellationToken::new();
        let worker = tokio::spawn(Worker::new(home.service.clone()).run(stop.clone()));
        home.miss("k").await;
        while noted(&*home.catalog).await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        stop.cancel();
        worker.await.unwrap();
    }

    #[tokio::test]
    async fn a_service_that_is_closed_has_written_everything() {
        let home = Home::new().await;
        home.miss("k").await;
        home.service.close().await.unwrap();
        let again = SqliteCatalog::open(home.folder.path().join("catalog.db")).await.unwrap();
        assert_eq!(noted(&again).await.len(), 1);
    }

    #[tokio::test]
    async fn only_so_many_misses_are_looked_into_at_once() {
        let home = Home::new().await;
        for number in 0..EXPLAINED + 10 {
            home.miss(&number.to_string()).await;
        }
        home.service.write_events().await.unwrap();
        let noted = noted(&*home.catalog).await;
        assert_eq!(noted.len(), EXPLAINED + 10);
        assert_eq!(noted.iter().filter(|lookup| lookup.reason.is_some()).count(), EXPLAINED);
    }
}
