//! Which layers the destination has.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt, TryStreamExt, stream};

use super::known::Known;
use super::{LayerReport, Outcome, Push, PushError, State};
use crate::destination::Mounted;
use crate::image::LayerContent;
use crate::made::is_made;
use crate::record::LayerRecord;

/// Questions at once.
const ASKED: usize = 16;

impl Push<'_> {
    /// Asks for every layer that something is known of, each blob once.
    pub(super) async fn check(&self, known: &Known) -> Result<Vec<State>, PushError> {
        let mut blobs: BTreeMap<_, LayerRecord> = BTreeMap::new();
        for record in known.records.iter().flatten() {
            blobs.insert((record.digest, record.size), *record);
        }
        let asked = blobs.into_values().map(|record| async move {
            let state = self.check_one(&record, known).await?;
            Ok::<_, PushError>(((record.digest, record.size), state))
        });
        // Boxed, for they are collected while each borrows.
        let asked: Vec<_> = asked.map(Box::pin).collect();
        let states: HashMap<_, State> = stream::iter(asked).buffer_unordered(ASKED).try_collect().await?;
        let state = |record: &Option<LayerRecord>| match record {
            None => State::Missing(None),
            // Two layers may have one blob under different records.
            Some(record) => match states.get(&(record.digest, record.size)) {
                Some(State::There(_, outcome)) => State::There(*record, *outcome),
                Some(State::Missing(Some(_))) => State::Missing(Some(*record)),
                _ => State::Missing(None),
            },
        };
        Ok(known.records.iter().map(state).collect())
    }

    async fn check_one(&self, record: &LayerRecord, known: &Known) -> Result<State, PushError> {
        if known.there.get(&record.digest) == Some(&record.size) {
            return Ok(State::There(*record, Outcome::Exists));
        }
        match self.destination.has(&record.digest).await? {
            Some(size) if size == record.size => return Ok(State::There(*record, Outcome::Exists)),
            Some(size) => {
                self.observer.warning(&format!(
                    "a layer is recorded as {} of {} bytes, and the blob has {size}: the layer is made anew",
                    record.digest, record.size
                ));
                return Ok(State::Missing(None));
            }
            None => {}
        }
        if self.dry_run {
            return Ok(State::Missing(Some(*record)));
        }
        for from in self.mounts {
            if self.destination.mount(&record.digest, from).await? == Mounted::Yes {
                return Ok(State::There(*record, Outcome::Mounted));
            }
        }
        Ok(State::Missing(Some(*record)))
    }

    /// What became of each layer.
    pub(super) fn tell(&self, states: &[State], sent: &[(usize, f64)]) -> Vec<LayerReport> {
        let seconds: HashMap<usize, f64> = sent.iter().copied().collect();
        let report =
            |(at, state): (usize, &State)| self.told(at, state, seconds.get(&at).copied().unwrap_or(0.0));
        states.iter().enumerate().map(report).collect()
    }

    pub(super) fn told(&self, at: usize, state: &State, seconds: f64) -> LayerReport {
        let layer = &self.plan.layers[at];
        let (record, outcome) = match state {
            State::There(record, outcome) => (Some(record), *outcome),
            State::Missing(record) => (record.as_ref(), Outcome::Missing),
        };
        let paths = match &layer.content {
            LayerContent::Paths(spec) if !is_made(spec) => spec.paths.len(),
            _ => 0,
        };
        LayerReport {
            number: at + 1,
            of: self.plan.layers.len(),
            name: layer.name.clone(),
            paths,
            outcome,
            digest: record.map(|record| record.digest),
            size: record.map(|record| record.size),
            diff_id: record.map(|record| record.diff_id).or(layer.diff_id),
            seconds,
        }
    }
}
