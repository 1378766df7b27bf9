//! Reading metrics.
//!
//! What only the catalog knows is asked for when somebody reads, and kept: work that waits for 10 seconds, what is kept
//! (which walks indexes) for a minute, and either for a hundred times as long as its answer took. So reading takes a
//! hundredth of one connection's time at the most, however often it is done and however large the catalog is; and
//! a database that does not answer delays no reader by more than [`PATIENCE`] for each of the two.

use std::sync::Arc;
use std::time::Duration;

use snowbank_cas::budget::Class;
use snowbank_catalog::rooms::JobKind;

use super::labels::BufferClass;
use super::seen::{Buffer, Kept, Seen, Work};
use super::{Cached, Exposition, job_name, process};
use crate::service::{Result, Service};

const WORK: Duration = Duration::from_secs(10);
const KEPT: Duration = Duration::from_secs(60);
const TIMES_AS_LONG: u32 = 100;
/// How long a reader waits for an answer before he gets the last one.
const PATIENCE: Duration = Duration::from_secs(2);

/// The catalog's last answers.
#[derive(Debug)]
pub(in crate::service) struct Figures {
    work: Arc<Cached<Work>>,
    kept: Arc<Cached<Kept>>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            work: Cached::new(WORK, TIMES_AS_LONG, PATIENCE),
            kept: Cached::new(KEPT, TIMES_AS_LONG, PATIENCE),
        }
    }
}

impl Service {
    /// All metrics of this service as text.
    pub async fn metrics_text(&self, form: Exposition) -> String {
        let (worker, keeper) = (self.clone(), self.clone());
        let work = self.0.figures.work.get(async move { known(worker.work().await) }).await;
        let kept = self.0.figures.kept.get(async move { known(keeper.kept().await) }).await;
        let folder = self.0.bucket.spool_folder().to_owned();
        let of_linux = tokio::task::spawn_blocking(move || {
            (process::free_bytes(&folder), process::resident_bytes(), process::open_files())
        });
        let (disk_free, resident_bytes, open_files) = of_linux.await.unwrap_or_default();
        self.0.metrics.board.show(Seen {
            work,
            kept,
            faults: self.0.catalog.faults(),
            buffers: self.buffers(),
            disk_limit: self.settings().max_disk.map(|size| size.0),
            disk_free,
            connection_limit: self.settings().max_connections as u64,
            resident_bytes,
            open_files,
            started: process::started(),
        });
        self.0.metrics.text(form)
    }

    fn buffers(&self) -> Vec<Buffer> {
        let budget = self.0.bucket.budget();
        let classes = [
            (BufferClass::Upload, Class::Upload),
            (BufferClass::Download, Class::Download),
            (BufferClass::Job, Class::Job),
        ];
        let buffer = |(class, of)| Buffer {
            class,
            taken: budget.taken(of),
            size: budget.size(of),
            waiting: budget.waiting(of),
        };
        classes.map(buffer).into()
    }

    async fn work(&self) -> Result<Work> {
        let catalog = &self.0.catalog;
        let mut jobs = Vec::new();
        for kind in [JobKind::Recode, JobKind::Evict, JobKind::Collect] {
            let oldest = catalog.oldest_ready(kind).await?.unwrap_or_default();
            jobs.push((job_name(kind), catalog.queue(kind).await?, oldest.as_secs_f64()));
        }
        Ok(Work { uploads: catalog.uploads().await?, jobs })
    }

    async fn kept(&self) -> Result<Kept> {
        let (raw_bytes, pack_bytes) = self.disk_usage().await?;
        Ok(Kept { inventory: self.0.catalog.inventory().await?, raw_bytes, pack_bytes })
    }
}

fn known<T>(answer: Result<T>) -> Option<T> {
    answer.inspect_err(|error| tracing::warn!(%error, "the catalog could not be counted")).ok()
}
