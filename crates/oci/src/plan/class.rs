//! How often a path changes, as far as it tells by itself.

use std::collections::HashMap;

use snowbank_nix::{closure::Closure, store_path::StorePath};

/// How many classes there are.
pub(super) const CLASSES: usize = 10;

/// Paths in the closure of one of the last class; no more are counted.
const MOST: usize = 1 << (CLASSES - 1);

/// The class of each path, in the closure's order: the logarithm, to the base of 2, of the number of paths in its own closure.
///
/// A path is made anew whenever one that it refers to is, so one that needs many paths changes often and one that needs few
/// seldom. The class follows from what the path refers to, as its hash does, and so never changes while the path does not.
/// Work is at most [`MOST`] paths and their references for each path.
pub(super) fn classes(closure: &Closure) -> Vec<usize> {
    let number: HashMap<&StorePath, usize> =
        closure.iter().enumerate().map(|(at, info)| (&info.path, at)).collect();
    let references: Vec<Vec<usize>> = closure
        .iter()
        .map(|info| info.references.iter().filter_map(|path| number.get(path).copied()).collect())
        .collect();
    // Whose turn it was when a path was seen last.
    let mut seen = vec![usize::MAX; references.len()];
    let mut waiting = Vec::new();
    let count = |of: usize| {
        let mut count = 1;
        seen[of] = of;
        waiting.clear();
        waiting.push(of);
        while let Some(at) = waiting.pop() {
            for &reference in &references[at] {
                if seen[reference] != of {
                    seen[reference] = of;
                    count += 1;
                    if count == MOST {
                        return CLASSES - 1;
                    }
                    waiting.push(reference);
                }
            }
        }
        count.ilog2() as usize
    };
    (0..references.len()).map(count).collect()
}
