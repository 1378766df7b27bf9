//! Names of repositories and caches as label values: as many as there is room for.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

/// Names that have series of their own. Each has up to nine (three protocols, three outcomes), of about 300 bytes
/// in memory and on the wire: 3 MB at the most.
pub(super) const MAX_NAMES: usize = 1000;
/// The label of all others.
const OTHER: &str = "other";

/// The names that came first, in lower case, as repositories are compared.
#[derive(Debug, Default)]
pub(super) struct Names(RwLock<HashSet<String>>);

impl Names {
    /// The label for a name.
    pub(super) fn label(&self, name: &str) -> String {
        let name = name.to_ascii_lowercase();
        if self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&name) {
            return name;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_NAMES || known.contains(&name) {
            known.insert(name.clone());
            return name;
        }
        OTHER.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_told_apart_and_all_others_are_one() {
        let names = Names::default();
        for number in 0..MAX_NAMES {
            assert_eq!(names.label(&format!("Acme/{number}")), format!("acme/{number}"));
        }
        assert_eq!(names.label("acme/one-more"), OTHER);
        assert_eq!(names.label("ACME/7"), "acme/7");
    }
}
