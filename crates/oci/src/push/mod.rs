//! The push: what is known of the layers, which of them the destination has, and only then what is sent.
//!
//! Requests, where nothing changed: one, when all records were at hand and the tag is right; else the tag's manifest and config,
//! which tell what an earlier push has left there; then one a layer that nothing tells of, and the new manifest. Where the tag is
//! new and records do not tell of all, at most seven more: the list of tags, and what three of them name.

mod check;
mod counted;
mod error;
mod index;
mod known;
mod others;
mod report;
mod same;
mod send;
mod today;

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use snowbank_nix::store_path::StoreDir;

pub use error::PushError;
pub use index::{IndexReport, put_index};
pub use report::{LayerReport, Outcome, Report};

use crate::compression::Compression;
use crate::destination::Destination;
use crate::image::ImagePlan;
use crate::record::{LayerKey, LayerRecord};
use crate::tree::Trees;

/// Who is told as it goes. Called often; must return at once.
pub trait PushObserver: Send + Sync {
    /// What became of a layer.
    fn layer(&self, layer: &LayerReport);
    /// So many bytes more of a blob are on their way.
    fn sent(&self, bytes: u64);
    /// Something that the user should know although the push goes on: one sentence, lower case, no full stop.
    fn warning(&self, text: &str);
}

/// A push of one image.
pub struct Push<'a> {
    /// The image.
    pub plan: &'a ImagePlan,
    /// Where it goes.
    pub destination: &'a dyn Destination,
    /// The tag that tells what is there today, and that is pushed first.
    pub tag: &'a str,
    /// Whether the image goes under tags: that one and these. Else it goes under its digest alone, for an index to name it.
    pub tags: Option<&'a [String]>,
    /// The directory that store paths are in.
    pub dir: &'a StoreDir,
    /// Their content. Nothing is read of a layer that the destination has.
    pub trees: &'a Arc<dyn Trees>,
    /// What is known of layers, under any compression.
    pub records: &'a HashMap<LayerKey, LayerRecord>,
    /// How new layers are compressed; as what the tag has, else as all
    /// layers are recorded, else as what other tags have, where nothing is said.
    pub compression: Option<Compression>,
    /// Repositories of the same registry that blobs may be taken over from.
    pub mounts: &'a [String],
    /// Whether every layer is made anew and compared with its record.
    pub verify: bool,
    /// Whether nothing is sent.
    pub dry_run: bool,
    /// Threads that compress.
    pub threads: NonZero<usize>,
    /// Who is told.
    pub observer: &'a Arc<dyn PushObserver>,
}

/// What is to become of a layer.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The destination has it.
    There(LayerRecord, Outcome),
    /// It has to be sent; what it came to before, if that is known.
    Missing(Option<LayerRecord>),
}

/// How often a manifest is put whose blobs have vanished.
const TRIES: usize = 3;

impl Push<'_> {
    /// Pushes. What is pushed again where nothing changed sends nothing.
    ///
    /// # Errors
    /// When the destination does not take it, or a layer that it lacks cannot be made. No manifest is put then.
    pub async fn run(&self) -> Result<Report, PushError> {
        let mut known = self.look().await?;
        if self.verify {
            self.verify(&mut known).await?;
        }
        let complete: Option<Vec<LayerRecord>> = known.records.iter().copied().collect();
        if let Some(records) = complete {
            let assembled = self.assembled(&known, &records)?;
            if known.current == Some(assembled.manifest.digest) {
                known.there.extend(records.iter().map(|record| (record.digest, record.size)));
                let config = assembled.config_descriptor;
                known.there.insert(config.digest, config.size);
            }
        }
        let mut states = self.check(&known).await?;
        let mut report = Report::new(self.plan, known.compression);
        if self.dry_run {
            report.layers = self.tell(&states, &[]);
            return Ok(report);
        }
        for _ in 0..TRIES {
            let sent = self.send(&mut states, known.compression).await?;
            report.sent.extend(sent);
            let records: Vec<LayerRecord> = states.iter().filter_map(State::record).collect();
            let assembled = self.assembled(&known, &records)?;
            report.manifest = Some(assembled.manifest.digest);
            report.manifest_size = assembled.manifest.bytes.len() as u64;
            let lost = self.put(&assembled, &records, &known, &mut report).await?;
            if lost.is_empty() {
                report.layers = self.tell(&states, &report.sent);
                report.news = self.news(&states, &known.remade);
                return Ok(report);
            }
            self.observer.warning(&format!(
                "the registry has lost {} of the image's blobs since it was asked",
                lost.len()
            ));
            known.there.retain(|digest, _| !lost.contains(digest));
            known.current = None;
            known.manifest = None;
            for state in &mut states {
                if let State::There(record, _) = *state
                    && lost.contains(&record.digest)
                {
                    *state = State::Missing(Some(record));
                }
            }
        }
        Err(PushError::Vanishing(self.destination.name()))
    }
}

impl State {
    fn record(&self) -> Option<LayerRecord> {
        match self {
            Self::There(record, _) => Some(*record),
            Self::Missing(_) => None,
        }
    }
}
