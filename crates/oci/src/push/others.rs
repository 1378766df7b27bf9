//! What other tags of the repository teach, where the one that is pushed is new: a branch's first image is mostly that of the
//! main branch.

use super::Push;
use super::known::as_learned;
use super::today::{Reads, Today};
use crate::compression::Compression;

/// Tags that are looked at.
const OTHERS: usize = 3;

/// Requests for them at the most: a manifest and a config each. What is more, for images of indexes, is at the expense of others.
const READS: usize = 2 * OTHERS;

/// Tags that are most likely to name an image like the one that is pushed, the first one first.
const LIKELY: [&str; 2] = ["latest", "main"];

impl Push<'_> {
    /// Learns from other tags until all layers are known. What cannot be read teaches nothing: the push does without.
    pub(super) async fn others(&self, choices: &[Compression]) -> Today {
        let listed = self.destination.tags().await;
        let mut all = Today::default();
        let mut reads = Reads::new(READS);
        for tag in chosen(&listed, self.tag) {
            let Ok(one) = self.today(tag, &mut reads).await else { continue };
            all.add(one);
            let compression = as_learned(&all.learned, choices, None);
            if self.candidates(compression, &all.learned).iter().all(Option::is_some) {
                break;
            }
        }
        all
    }
}

impl Today {
    /// Adds what another tag teaches; what is known already stays.
    fn add(&mut self, other: Self) {
        for (digest, size) in other.there {
            self.there.entry(digest).or_insert(size);
        }
        for (key, record) in other.learned.by_key {
            self.learned.by_key.entry(key).or_insert(record);
        }
        for (diff_id, record) in other.learned.by_diff_id {
            self.learned.by_diff_id.entry(diff_id).or_insert(record);
        }
        self.learned.compression = self.learned.compression.or(other.learned.compression);
    }
}

/// The tags to be looked at: the likely ones, and then the last ones of the list, which are often the newest.
fn chosen<'a>(listed: &'a [String], own: &str) -> Vec<&'a str> {
    let listed = || listed.iter().map(String::as_str);
    let likely = LIKELY.into_iter().filter_map(|one| listed().find(|tag| *tag == one));
    // Tags that begin like digests name what is attached to images.
    let others = listed().rev().filter(|tag| !LIKELY.contains(tag) && !tag.starts_with("sha256-"));
    likely.chain(others).filter(|tag| *tag != own).take(OTHERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen_of(listed: &[&str], own: &str) -> Vec<String> {
        let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
        chosen(&listed, own).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn the_likely_come_first_and_then_the_last() {
        assert_eq!(chosen_of(&["a", "latest", "b", "main", "c"], "d"), ["latest", "main", "c"]);
        assert_eq!(chosen_of(&["a", "b", "c", "d"], "e"), ["d", "c", "b"]);
    }

    #[test]
    fn neither_the_own_tag_nor_what_is_attached_is_looked_at() {
        assert_eq!(chosen_of(&["main", "sha256-00", "a"], "main"), ["a"]);
    }
}
