//! Paths with the records of their frames.

use std::collections::BTreeMap;

use snowbank_binary_cache::bulk::{MAX_MESSAGE, Planned, RECORD, WireInfo};
use snowbank_cas::recipe::FrameRef;
use snowbank_catalog::ids::RecipeId;
use snowbank_catalog::rooms::Path;
use tokio::sync::mpsc::Sender;

use crate::service::binary_cache::{CacheView, ITSELF, keys};
use crate::service::{Kind, Result, ServiceError};

/// Pages that are read by one statement: some 6 MiB.
const PAGES: u64 = 64;

impl CacheView {
    /// Tells of these paths, which count as used. False when nobody listens any more.
    pub(super) async fn tell(&self, paths: Vec<Path>, to: &Sender<Vec<Planned>>) -> Result<bool> {
        paths.iter().for_each(|path| self.service.0.access.note_path(path.id));
        let (mut waiting, mut bare) = (BTreeMap::<RecipeId, Vec<WireInfo>>::new(), Vec::new());
        for (recipe, info) in self.signed(paths).await? {
            match recipe {
                Some(recipe) => waiting.entry(recipe).or_default().push(info),
                None => bare.push(info),
            }
        }
        let recipes: Vec<RecipeId> = waiting.keys().copied().collect();
        let (mut after, mut frames) = (None, Vec::new());
        loop {
            let pages = self.service.0.catalog.pages_in(&recipes, after, PAGES).await?;
            let last = (pages.len() as u64) < PAGES;
            let mut batch = Vec::new();
            for page in pages {
                if let Some((before, _)) = after.filter(|(before, _)| *before != page.recipe) {
                    batch.extend(planned(waiting.remove(&before), std::mem::take(&mut frames)));
                }
                after = Some((page.recipe, page.number));
                page.page.frames.iter().for_each(|frame| record(frame, &mut frames));
            }
            if last {
                batch.extend(
                    after.into_iter().flat_map(|(before, _)| {
                        planned(waiting.remove(&before), std::mem::take(&mut frames))
                    }),
                );
                // Recipes that have just been replaced: their NARs come as every binary cache gives them.
                bare.extend(std::mem::take(&mut waiting).into_values().flatten());
                batch.extend(planned(Some(std::mem::take(&mut bare)), Vec::new()));
            }
            if !batch.is_empty() && to.send(batch).await.is_err() {
                return Ok(false);
            }
            if last {
                return Ok(true);
            }
        }
    }

    /// The infos, signed by the cache's keys where they are the cache's own, each with the recipe of its NAR.
    async fn signed(&self, paths: Vec<Path>) -> Result<Vec<(Option<RecipeId>, WireInfo)>> {
        let (dir, keys) = (self.dir(), self.keys.clone());
        let sign = move |mut path: Path| {
            if path.view == ITSELF {
                keys::sign(&mut path.info, &dir, &keys);
            }
            (path.nar.map(|nar| nar.recipe), WireInfo::from(&path.info))
        };
        let signing = tokio::task::spawn_blocking(move || paths.into_iter().map(sign).collect());
        let broke = |error| ServiceError::caused(Kind::Internal, "a thread that signs broke off", error);
        signing.await.map_err(broke)
    }
}

/// The same frames for each of these paths; none where a message could not hold them.
fn planned(infos: Option<Vec<WireInfo>>, frames: Vec<u8>) -> impl Iterator<Item = Planned> {
    let frames = if frames.len() > MAX_MESSAGE / 2 { Vec::new() } else { frames };
    let message = move |info| Planned { info: Some(info), frames: frames.clone(), ..Planned::default() };
    infos.into_iter().flatten().map(message)
}

fn record(frame: &FrameRef, to: &mut Vec<u8>) {
    to.reserve(RECORD);
    to.extend_from_slice(frame.chunk.as_bytes());
    to.extend_from_slice(frame.frame.as_bytes());
    to.extend_from_slice(&frame.raw_len.to_le_bytes());
    to.extend_from_slice(&frame.stored_len.to_le_bytes());
}
