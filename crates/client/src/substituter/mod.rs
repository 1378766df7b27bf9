//! A binary cache over a snapshot's packs, for the Nix of this machine: what a build needs is fetched when it asks, and
//! nothing else.
//!
//! It is a hint as the snapshot is. What cannot be had is answered as if it had never been there, so that Nix builds it;
//! every frame is checked by its hash before it is passed on, and Nix checks the whole.
//!
//! Memory: what was fetched before it was asked for, 192 MiB; for each of at most 24 NARs on their way a part of 4 MiB,
//! and 128 MiB of parts ahead of them all; footers as in a restore.

mod cache;
mod choice;
mod error;
mod flow;
mod hoard;
mod pieces;
mod serve;
mod shelf;
#[cfg(test)]
mod tests;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

pub use choice::pays;
pub use error::Broken;
pub use serve::Served;
pub use usage::Usage;

use crate::observer::Observer;
use crate::restore::PackSource;
use crate::snapshot::Snapshot;
use shelf::Shelf;

/// After which a cache service that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// A snapshot that is served.
pub struct Substituter<P: PackSource> {
    shelf: Arc<Shelf<P>>,
    /// They end with it.
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl<P: PackSource> Substituter<P> {
    /// Looks the snapshot's packs up, and begins to fetch what was used last time, in that order. What lies in packs that
    /// are not there is not served; `usage` notes what is asked for.
    pub async fn open(snapshot: &Snapshot, packs: Arc<P>, usage: Usage, observer: Arc<dyn Observer>) -> Self {
        let shelf = Arc::new(Shelf::open(snapshot, packs, usage, observer).await);
        let (fetching, waking) = (Arc::clone(&shelf), Arc::clone(&shelf));
        let order = shelf.places(&snapshot.used);
        let tasks = [
            tokio::spawn(async move { hoard::fill(&fetching, order).await }),
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(AGAIN).await;
                    waking.try_again();
                }
            }),
        ];
        Self { shelf, _tasks: tasks.map(AbortOnDropHandle::new) }
    }

    /// How many paths it has.
    #[must_use]
    pub fn paths(&self) -> usize {
        self.shelf.len()
    }
}
