//! Whether a snapshot had better be served than restored.

use std::collections::HashSet;

use crate::snapshot::{Snapshot, Source};

/// Whether the last run used less than half of what the snapshot's packs hold, by the size of NARs. Where nobody knows
/// what it used, all of it may have been.
#[must_use]
pub fn pays(snapshot: &Snapshot) -> bool {
    let used: HashSet<_> = snapshot.used.iter().collect();
    let (mut all, mut of_used) = (0u128, 0u128);
    for (path, saved) in &snapshot.paths {
        if saved.source != Source::Upstream {
            let size = u128::from(saved.info.nar_size);
            all += size;
            of_used += if used.contains(path) { size } else { 0 };
        }
    }
    !used.is_empty() && of_used * 2 < all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::samples::{info, name};
    use crate::snapshot::{Recipe, SavedPath};

    #[test]
    fn it_pays_where_little_was_used() {
        let mut snapshot = Snapshot::default();
        for number in 0..4 {
            let source = if number == 3 { Source::Upstream } else { Source::Packs(Recipe::default()) };
            snapshot.paths.insert(name(number), SavedPath { info: info(number, &[]), source, unused: 0 });
        }
        assert!(!pays(&snapshot), "nobody knows");
        snapshot.used = vec![name(0), name(3)];
        assert!(pays(&snapshot), "a third");
        snapshot.used.push(name(1));
        assert!(!pays(&snapshot), "two thirds");
    }
}
