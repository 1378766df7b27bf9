//! Which images have a layer.

use std::collections::{BTreeMap, BTreeSet};

use super::Viewed;
use crate::digest::Digest;

/// For each layer of an image, in order: which of the others have the same blob, as places in `others`.
#[must_use]
pub fn shared(image: &Viewed, others: &[Viewed]) -> Vec<Vec<usize>> {
    let mut have: BTreeMap<Digest, BTreeSet<usize>> = BTreeMap::new();
    for (at, other) in others.iter().enumerate() {
        for layer in &other.layers {
            have.entry(layer.digest).or_default().insert(at);
        }
    }
    let of = |digest| have.get(digest).map(|places| places.iter().copied().collect()).unwrap_or_default();
    image.layers.iter().map(|layer| of(&layer.digest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::samples::viewed;

    #[test]
    fn layers_are_shared_by_their_blobs() {
        let of = |name: &str, layers: &[&str]| {
            viewed(name, &layers.iter().map(|layer| (*layer, 1, None)).collect::<Vec<_>>())
        };
        let others = [of("b", &["x", "y", "x"]), of("c", &["y"])];
        assert_eq!(shared(&of("a", &["x", "y", "z"]), &others), [vec![0], vec![0, 1], vec![]]);
    }
}
