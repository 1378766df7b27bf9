//! What became of the entries of a list.

use std::collections::HashMap;

use snowbank_catalog::ids::EntryId;
use snowbank_catalog::rooms::{Entry, Fate};

use super::fold::Line;
use crate::service::{Result, Service};

/// What became of a page's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fates(HashMap<EntryId, Fate>);

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFate {
    /// How often it was found: of a series, any of its generations. None of packs, which are asked for with the
    /// snapshots that name them.
    pub restores: Option<u64>,
    /// Bytes that were not stored before; none until all of it is recoded.
    pub added: Option<u64>,
}

impl Fates {
    /// What became of a line; none where no save is remembered of an entry of it.
    #[must_use]
    pub fn of(&self, line: &Line) -> Option<LineFate> {
        let mut added = Some(0_u64);
        for entry in line.entries() {
            let fate = self.0.get(&entry.id)?;
            added = added.zip(fate.added).map(|(sum, added)| sum.saturating_add(added));
        }
        let restores = |entry: &Entry| self.0.get(&entry.id).map_or(0, |fate| fate.restores);
        let restores = match line {
            Line::Entry(entry) => Some(restores(entry)),
            Line::Series(series) => {
                let each = series.generations.iter().map(|(_, entry)| restores(entry));
                Some(each.fold(0, u64::saturating_add))
            }
            Line::Packs { .. } => None,
        };
        Some(LineFate { restores, added })
    }
}

impl Service {
    /// What became of the entries of these lines, of which a list has 5000 at the most.
    pub async fn fates(&self, lines: &[Line]) -> Result<Fates> {
        self.write_events().await?;
        let entries: Vec<EntryId> = lines.iter().flat_map(Line::entries).map(|entry| entry.id).collect();
        let fates = self.0.catalog.fates(&entries).await?;
        Ok(Fates(fates.into_iter().map(|fate| (fate.entry, fate)).collect()))
    }
}
