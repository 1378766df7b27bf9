//! NARs are made at the server while others are read here.

use std::collections::HashMap;
use std::sync::Arc;

use snowbank_nix::hash::NarHash;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::PushError;
use super::missing::Sources;
use super::nars::{Made, Refused, batches, make, message, packs};
use super::send::Sent;
use crate::site::Site;

/// Messages at once.
const AT_ONCE: usize = 4;

/// The messages under way. Dropped, no more are sent.
pub(super) struct Making {
    site: Site,
    sources: Arc<Sources>,
    sent: watch::Receiver<Sent>,
    turns: Arc<Semaphore>,
    under_way: JoinSet<Result<Refused, PushError>>,
    refused: HashMap<NarHash, String>,
}

impl Making {
    /// `sent` tells which packs are there.
    pub(super) fn new(site: Site, sources: Sources, sent: watch::Receiver<Sent>) -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self {
            site,
            sources: Arc::new(sources),
            sent,
            turns,
            under_way: JoinSet::new(),
            refused: HashMap::new(),
        }
    }

    /// Has these NARs made as soon as the packs are there that they are made of.
    ///
    /// # Errors
    /// When earlier ones could not be.
    pub(super) fn add(&mut self, made: Vec<Made>) -> Result<(), PushError> {
        while let Some(done) = self.under_way.try_join_next() {
            self.refused.extend(done.map_err(|_| PushError::Lost)??);
        }
        for batch in batches(made) {
            let (site, turns, sources) =
                (self.site.clone(), Arc::clone(&self.turns), Arc::clone(&self.sources));
            let mut sent = self.sent.clone();
            self.under_way.spawn(async move {
                let new: Vec<u32> =
                    packs(&batch).into_iter().filter(|&pack| sources.get(pack).is_none()).collect();
                // Nobody tells any more when a pack could not be sent.
                let there = sent.wait_for(|sent| new.iter().all(|pack| sent.contains_key(pack))).await;
                let message = there.ok().and_then(|sent| message(&batch, &sources, &sent));
                let _turn = turns.acquire_owned().await;
                Ok(make(&site, message.ok_or(PushError::Lost)?).await?)
            });
        }
        Ok(())
    }

    /// Waits for all of them. What the server refused, each with the reason.
    pub(super) async fn end(mut self) -> Result<HashMap<NarHash, String>, PushError> {
        while let Some(done) = self.under_way.join_next().await {
            self.refused.extend(done.map_err(|_| PushError::Lost)??);
        }
        Ok(self.refused)
    }
}
