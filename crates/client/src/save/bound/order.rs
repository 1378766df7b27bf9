//! In which order paths and trees go.

use std::collections::{BinaryHeap, HashMap};

use snowbank_nix::store_path::StorePath;

use crate::snapshot::{SavedPath, Snapshot, Source};

/// What may go next: the greatest first, and of equals the one with the most bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Goes {
    Wanted { bytes: u64, path: StorePath },
    Tree { bytes: u64, name: String },
    Unused { generations: u32, bytes: u64, path: StorePath },
}

/// What may go, and what may go once that has gone. What is used needs only what is used, so the longest unused path of all
/// is always one that may go.
pub(super) struct Order {
    ready: BinaryHeap<Goes>,
    /// Paths that others still refer to, and how many those are.
    needed: HashMap<StorePath, (usize, Goes)>,
    /// What each path refers to, itself left aside.
    references: HashMap<StorePath, Vec<StorePath>>,
}

impl Order {
    pub(super) fn new(snapshot: &Snapshot, wanted: impl Fn(&StorePath) -> bool) -> Self {
        let mut references = HashMap::new();
        let mut needed: HashMap<_, _> =
            snapshot.paths.iter().map(|(name, path)| (name.clone(), (0, goes(path, wanted(name))))).collect();
        for (name, path) in &snapshot.paths {
            let others: Vec<_> =
                path.info.references.iter().filter(|other| *other != name).cloned().collect();
            for other in &others {
                if let Some((users, _)) = needed.get_mut(other) {
                    *users += 1;
                }
            }
            references.insert(name.clone(), others);
        }
        let tree = |(name, tree): (&String, &crate::snapshot::SavedTree)| Goes::Tree {
            bytes: tree.nar_size,
            name: name.clone(),
        };
        let mut ready: BinaryHeap<_> = snapshot.trees.iter().map(tree).collect();
        needed.retain(|_, (users, goes)| {
            if *users == 0 {
                ready.push(goes.clone());
            }
            *users > 0
        });
        Self { ready, needed, references }
    }

    pub(super) fn peek(&self) -> Option<&Goes> {
        self.ready.peek()
    }
}

impl Iterator for Order {
    type Item = Goes;

    fn next(&mut self) -> Option<Goes> {
        let next = self.ready.pop()?;
        let path = match &next {
            Goes::Wanted { path, .. } | Goes::Unused { path, .. } => path,
            Goes::Tree { .. } => return Some(next),
        };
        for reference in self.references.remove(path).into_iter().flatten() {
            let Some((users, _)) = self.needed.get_mut(&reference) else { continue };
            *users -= 1;
            if *users == 0 {
                self.ready.extend(self.needed.remove(&reference).map(|(_, goes)| goes));
            }
        }
        Some(next)
    }
}

fn goes(path: &SavedPath, wanted: bool) -> Goes {
    let (name, generations) = (path.info.path.clone(), path.unused);
    // What an upstream cache has takes no room.
    let bytes = if path.source == Source::Upstream { 0 } else { path.info.nar_size };
    match wanted {
        true => Goes::Wanted { bytes, path: name },
        false => Goes::Unused { generations, bytes, path: name },
    }
}
