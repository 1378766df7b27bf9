//! A save within its bounds: the room that is left for what is new, and what goes when a generation became too large.

use std::collections::HashMap;

use super::bound::{Bounded, Lengths, bound, lengths, needed, to_carry};
use super::lay::There;
use super::plan::Plan;
use super::{Save, SaveError, Saved, carry};
use crate::snapshot::{Snapshot, Source};

impl Save<'_> {
    /// Bytes that new packs may take: what is wanted and stored already stays.
    pub(super) fn room(&self, plan: &Plan, there: &There<'_>) -> u64 {
        let beside = self.bounds.size.map(|size| {
            let wanted =
                self.closure.iter().filter_map(|info| match &plan.kept.paths.get(&info.path)?.source {
                    Source::Packs(recipe) => Some(recipe),
                    Source::Upstream => None,
                });
            size.saturating_sub(needed(wanted, there.footers))
        });
        beside.unwrap_or(u64::MAX).min(self.bounds.new.unwrap_or(u64::MAX))
    }

    /// Brings a generation within its bound; says whether that took anything. Packs from number `first` on are new ones, and
    /// `new` tells the lengths of their frames.
    pub(super) async fn within(
        &self,
        snapshot: &mut Snapshot,
        new: Lengths,
        first: u32,
        there: &There<'_>,
        saved: &mut Saved,
    ) -> Result<bool, SaveError> {
        let Some(most) = self.bounds.size else { return Ok(false) };
        let mut all = new;
        if !self.bounds.only_new {
            all.extend(there.footers.iter().map(|(&pack, footer)| (pack, lengths(footer))));
        }
        let wanted = |path: &_| self.closure.get(path).is_some();
        let Bounded { dropped, left, trees } = bound(snapshot, &all, first, wanted, most);
        let went = dropped + trees + left.len() as u64 > 0;
        saved.dropped += dropped;
        let why = format!("what is wanted takes more than {most} bytes");
        saved.left.extend(left.into_iter().map(|path| (path, why.clone())));
        let carried = match self.bounds.only_new {
            true => return Ok(went),
            false => to_carry(snapshot, there.footers, most),
        };
        if carried.is_empty() {
            return Ok(went);
        }
        let used: HashMap<_, _> = snapshot
            .recipes()
            .flat_map(|recipe| &recipe.0)
            .filter_map(|run| Some((run.pack, there.footers.get(&run.pack)?.clone())))
            .collect();
        let used = There { footers: &used, urls: there.urls };
        let first = snapshot.packs.len() as u32;
        let laid = self.lay(Vec::new(), u64::MAX, &used, &carried, first).await?;
        carry::moved(snapshot, &carried, |entry| laid.carried.get(&entry.chunk).copied());
        snapshot.packs.extend(laid.packs.into_iter().map(|(pack, _)| pack));
        saved.sent.count += laid.sent.count;
        saved.sent.bytes += laid.sent.bytes;
        Ok(true)
    }
}
