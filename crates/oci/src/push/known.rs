//! What is known before anything is asked of each layer: from records, and from what the tag names now, or other
//! tags where it is new.

use std::collections::{BTreeSet, HashMap};

use super::today::{Reads, Today};
use super::{Push, PushError};
use crate::compression::Compression;
use crate::destination::Manifest;
use crate::digest::Digest;
use crate::image::{LayerContent, Learned, PlannedLayer, assemble};
use crate::record::{LayerKey, LayerRecord};

/// What is known.
pub(super) struct Known {
    pub(super) compression: Compression,
    /// What each layer is thought to come to.
    pub(super) records: Vec<Option<LayerRecord>>,
    /// Blobs that the manifests name that were read, with their sizes.
    pub(super) there: HashMap<Digest, u64>,
    /// The manifest that the tag names now, itself or, where the image is to be of an index, through one.
    pub(super) current: Option<Digest>,
    /// That manifest, where it was read.
    pub(super) manifest: Option<Manifest>,
    /// Layers whose records were not true, by their places: what is in `records` was made here.
    pub(super) remade: BTreeSet<usize>,
}

impl Push<'_> {
    pub(super) async fn look(&self) -> Result<Known, PushError> {
        let takes = self.destination.compressions();
        if let Some(compression) = self.compression.filter(|one| !takes.contains(one)) {
            return Err(PushError::Compression { name: self.destination.name(), compression });
        }
        let choices: Vec<Compression> = match self.compression {
            Some(one) => vec![one],
            None => takes.to_vec(),
        };
        let predicted: Vec<(Compression, Digest, Vec<LayerRecord>)> =
            choices.iter().filter_map(|&one| self.predicted(one)).collect();
        // Under a new tag, as what is made already.
        let made = predicted.first().map(|(compression, ..)| *compression);
        let mut today = if predicted.is_empty() || self.verify {
            self.today(self.tag, &mut Reads::of_one_tag()).await?
        } else {
            match self.destination.resolve(self.tag).await? {
                None => Today::default(),
                Some(found) => {
                    let right = predicted.into_iter().find(|(_, digest, _)| *digest == found.digest);
                    if let Some((compression, digest, records)) = right {
                        let records = records.into_iter().map(Some).collect();
                        return Ok(Known {
                            compression,
                            records,
                            there: HashMap::new(),
                            current: Some(digest),
                            manifest: None,
                            remade: BTreeSet::new(),
                        });
                    }
                    self.today(&found.digest.to_string(), &mut Reads::of_one_tag()).await?
                }
            }
        };
        if made.is_none() && !today.found {
            today = self.others(&choices).await;
        }
        let compression = as_learned(&today.learned, &choices, made);
        let mut records = self.candidates(compression, &today.learned);
        for (layer, record) in self.plan.layers.iter().zip(&mut records) {
            // nix2container does not say how large the layers of other images are.
            if let (None, Some(diff_id), Some(stored)) = (&record, layer.diff_id, layer.stored)
                && let Some(size) = self.destination.has(&stored.digest).await?
            {
                let (digest, compression) = (stored.digest, stored.compression);
                *record = Some(LayerRecord { diff_id, diff_size: None, digest, size, compression });
                today.there.insert(digest, size);
            }
        }
        Ok(Known {
            compression,
            records,
            there: today.there,
            current: today.current,
            manifest: today.manifest,
            remade: BTreeSet::new(),
        })
    }

    /// What the image comes to, where records tell of every layer.
    fn predicted(&self, compression: Compression) -> Option<(Compression, Digest, Vec<LayerRecord>)> {
        let records: Option<Vec<_>> = self.candidates(compression, &Learned::default()).into_iter().collect();
        let records = records?;
        let assembled = assemble(self.plan, &records).ok()?;
        Some((compression, assembled.manifest.digest, records))
    }

    /// What each layer is thought to come to. What contradicts the image's own word is left out.
    pub(super) fn candidates(&self, compression: Compression, learned: &Learned) -> Vec<Option<LayerRecord>> {
        let candidate = |layer: &PlannedLayer| {
            let spec = match &layer.content {
                LayerContent::Paths(spec) => spec,
                LayerContent::File(_) => return given(layer, learned),
            };
            let right = |record: &&LayerRecord| {
                record.compression == compression
                    && layer.diff_id.is_none_or(|diff_id| diff_id == record.diff_id)
            };
            let key = LayerKey::of(spec, compression);
            let recorded = key.and_then(|key| self.records.get(&key)).filter(right);
            let mirrored = || key.and_then(|key| learned.by_key.get(&key)).filter(right);
            let adopted = || layer.diff_id.and_then(|diff_id| learned.by_diff_id.get(&diff_id)).filter(right);
            recorded.or_else(mirrored).or_else(adopted).copied()
        };
        self.plan.layers.iter().map(candidate).collect()
    }
}

/// How new layers are compressed: as the image has it that was learned from, else as `made`, else as is best.
pub(super) fn as_learned(
    learned: &Learned,
    choices: &[Compression],
    made: Option<Compression>,
) -> Compression {
    let learned = learned.compression.filter(|one| choices.contains(one));
    learned.or(made).or(choices.first().copied()).unwrap_or(Compression::Zstd)
}

/// What is known of a blob that is given: its digest always, its size from the image or from what is there.
fn given(layer: &PlannedLayer, learned: &Learned) -> Option<LayerRecord> {
    let (diff_id, stored) = (layer.diff_id?, layer.stored?);
    let there = || learned.by_diff_id.get(&diff_id).filter(|record| record.digest == stored.digest);
    let size = stored.size.or_else(|| there().map(|record| record.size))?;
    Some(LayerRecord {
        diff_id,
        diff_size: None,
        digest: stored.digest,
        size,
        compression: stored.compression,
    })
}
