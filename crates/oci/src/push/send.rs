//! What has to be sent is made and sent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};

use super::counted::Counted;
use super::known::Known;
use super::{Outcome, Push, PushError, Report, State};
use crate::blob::{BytesBlob, LayerBlob, TreeFileBlob};
use crate::compression::Compression;
use crate::destination::{Blob, DestinationError};
use crate::digest::Digest;
use crate::image::{Assembled, LayerContent, PlannedLayer};
use crate::layer::LayerSpec;
use crate::record::{LayerKey, LayerRecord};

/// Layers that are made and sent at once; each holds what a [`LayerBlob`] does.
const SENT: usize = 2;

impl Push<'_> {
    /// Makes and sends what is missing, equal layers once. Gives the places of what was sent and the seconds that it took.
    pub(super) async fn send(
        &self,
        states: &mut [State],
        compression: Compression,
    ) -> Result<Vec<(usize, f64)>, PushError> {
        let mut firsts: Vec<usize> = Vec::new();
        let missing: Vec<usize> =
            (0..states.len()).filter(|&at| matches!(states[at], State::Missing(_))).collect();
        for &at in &missing {
            let content = &self.plan.layers[at].content;
            if !firsts.iter().any(|&first| self.plan.layers[first].content == *content) {
                firsts.push(at);
            }
        }
        self.lacks(&firsts)?;
        for (at, state) in states.iter().enumerate().filter(|(_, state)| matches!(state, State::There(..))) {
            self.observer.layer(&self.told(at, state, 0.0));
        }
        // The largest first would be better for the end, but nothing tells which that is.
        let sends: Vec<_> = firsts.iter().map(|&at| Box::pin(self.send_one(at, compression))).collect();
        let sent: Vec<(usize, LayerRecord, f64)> =
            stream::iter(sends).buffer_unordered(SENT).try_collect().await?;
        for at in missing {
            let content = &self.plan.layers[at].content;
            let same = sent.iter().find(|(first, ..)| self.plan.layers[*first].content == *content);
            if let Some((_, record, _)) = same {
                states[at] = State::There(*record, Outcome::Uploaded);
            }
        }
        Ok(sent.into_iter().map(|(at, _, seconds)| (at, seconds)).collect())
    }

    /// Before anything is sent: whether all that has to be read is there.
    fn lacks(&self, layers: &[usize]) -> Result<(), PushError> {
        let contents = layers.iter().map(|&at| &self.plan.layers[at].content);
        let paths: BTreeSet<_> = contents
            .flat_map(|content| match content {
                LayerContent::Paths(spec) => spec.paths.iter().map(|path| &path.path).collect(),
                LayerContent::File(file) => vec![&file.path],
            })
            .collect();
        let lacks: Vec<_> = paths.into_iter().filter(|path| !self.trees.has(path)).cloned().collect();
        if lacks.is_empty() { Ok(()) } else { Err(PushError::Missing(lacks)) }
    }

    async fn send_one(
        &self,
        at: usize,
        compression: Compression,
    ) -> Result<(usize, LayerRecord, f64), PushError> {
        let begun = Instant::now();
        let layer = &self.plan.layers[at];
        let record = match &layer.content {
            LayerContent::Paths(spec) => {
                let blob = self.blob(spec, compression, layer.diff_id);
                self.put_layer(layer, &blob).await?;
                let nothing =
                    || PushError::Layer { name: layer.name.clone(), source: "it was not made".into() };
                blob.made().ok_or_else(nothing)?
            }
            LayerContent::File(file) => {
                let blob = TreeFileBlob::new(
                    Arc::clone(self.trees),
                    file.path.clone(),
                    file.inside.as_os_str().as_encoded_bytes(),
                    None,
                );
                let (digest, size) = self.put_layer(layer, &blob).await?;
                let stored = layer.stored.filter(|stored| stored.digest == digest);
                let (Some(stored), Some(diff_id)) = (stored, layer.diff_id) else {
                    let source =
                        format!("its file has the digest {digest}, and the image says another").into();
                    return Err(PushError::Layer { name: layer.name.clone(), source });
                };
                LayerRecord { diff_id, diff_size: None, digest, size, compression: stored.compression }
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        self.observer.layer(&self.told(at, &State::There(record, Outcome::Uploaded), seconds));
        Ok((at, record, seconds))
    }

    fn blob(&self, spec: &LayerSpec, compression: Compression, diff_id: Option<Digest>) -> LayerBlob {
        let (dir, trees) = (self.dir.clone(), Arc::clone(self.trees));
        let blob = LayerBlob::new(spec.clone(), dir, trees, compression, self.threads);
        match diff_id {
            Some(diff_id) => blob.expecting(diff_id),
            None => blob,
        }
    }

    /// Where the layer cannot be made, the error says so and names it: the destination has no part in it.
    async fn put_layer(&self, layer: &PlannedLayer, blob: &dyn Blob) -> Result<(Digest, u64), PushError> {
        let blob = Counted::new(blob, Arc::clone(self.observer));
        let put = self.destination.put(&blob).await;
        put.map_err(|error| match blob.broken() {
            Some(source) => PushError::Layer { name: layer.name.clone(), source },
            None => error.into(),
        })
    }

    /// Makes every layer anew of which something is recorded. What does not come out as recorded is not believed.
    pub(super) async fn verify(&self, known: &mut Known) -> Result<(), PushError> {
        for at in 0..known.records.len() {
            let layer = &self.plan.layers[at];
            let (Some(record), LayerContent::Paths(spec)) = (known.records[at], &layer.content) else {
                continue;
            };
            let blob = self.blob(spec, known.compression, layer.diff_id);
            let failed = |source| PushError::Layer { name: layer.name.clone(), source };
            let made = tokio::task::spawn_blocking(move || blob.verify()).await;
            let made = made.map_err(|error| failed(error.into()))?.map_err(failed)?;
            if (made.diff_id, made.digest, made.size) != (record.diff_id, record.digest, record.size) {
                self.observer.warning(&format!(
                    "the layer {} is recorded as {} and came out as {}: the record is not used",
                    layer.name, record.digest, made.digest
                ));
                known.there.remove(&record.digest);
                known.records[at] = Some(made);
                known.remade.insert(at);
            }
        }
        Ok(())
    }

    /// Puts the config and then the manifest, under all its tags. Gives the blobs that have vanished, if it is refused for
    /// them.
    pub(super) async fn put(
        &self,
        assembled: &Assembled,
        records: &[LayerRecord],
        known: &Known,
        report: &mut Report,
    ) -> Result<Vec<Digest>, PushError> {
        let config = &assembled.config_descriptor;
        if !known.there.contains_key(&config.digest)
            && self.destination.has(&config.digest).await? != Some(config.size)
        {
            self.destination.put(&BytesBlob::new(assembled.config.clone())).await?;
        }
        let digest = assembled.manifest.digest;
        report.unchanged = known.current == Some(digest);
        // Those of an attempt before it are put again.
        report.tagged.clear();
        let by_digest = [digest.to_string()];
        let references: Vec<&str> = match self.tags {
            None => by_digest.iter().map(String::as_str).collect(),
            Some(more) => std::iter::once(self.tag).chain(more.iter().map(String::as_str)).collect(),
        };
        for (number, reference) in references.into_iter().enumerate() {
            // What the first tag names is known; by its digest an index has named it.
            let right = match number {
                0 => report.unchanged,
                _ => self.destination.resolve(reference).await?.is_some_and(|found| found.digest == digest),
            };
            if right {
                continue;
            }
            match self.destination.put_manifest(&assembled.manifest, reference).await {
                Ok(()) => report.tagged.push(reference.to_owned()),
                Err(error) if error.refused_blobs => return self.lost(assembled, records, &error).await,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Vec::new())
    }

    /// The blobs that are not there; all are asked for where the destination does not say.
    async fn lost(
        &self,
        assembled: &Assembled,
        records: &[LayerRecord],
        error: &DestinationError,
    ) -> Result<Vec<Digest>, PushError> {
        if !error.missing.is_empty() {
            return Ok(error.missing.clone());
        }
        let config = assembled.config_descriptor.digest;
        let mut lost = Vec::new();
        for digest in records.iter().map(|record| record.digest).chain([config]) {
            if self.destination.has(&digest).await?.is_none() {
                lost.push(digest);
            }
        }
        // It says that some are missing and has them all: it is asked once more.
        Ok(if lost.is_empty() { vec![config] } else { lost })
    }

    /// What is new of layers that were made here: their keys and what they came to.
    pub(super) fn news(&self, states: &[State], remade: &BTreeSet<usize>) -> Vec<(LayerKey, LayerRecord)> {
        let new = |(at, state): (usize, &State)| {
            let State::There(record, outcome) = state else { return None };
            if *outcome != Outcome::Uploaded && !remade.contains(&at) {
                return None;
            }
            let LayerContent::Paths(spec) = &self.plan.layers[at].content else { return None };
            Some((LayerKey::of(spec, record.compression)?, *record))
        };
        states.iter().enumerate().filter_map(new).collect()
    }
}
