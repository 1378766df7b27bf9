//! What is said of a layer's origin.

use snowbank_nix::store_path::StorePath;

use crate::config::{History, Timestamp};
use crate::layer::LayerSpec;
use crate::{nix_database, volumes};

/// Bytes of the list of paths at most, so that a layer of thousands of paths makes no config of megabytes.
const MOST_BYTES: usize = 1024;
const PATHS: &str = "store paths: ";
const NONE: &str = "no store paths";

/// Says of a layer made of store paths which they are: `store paths: a, b and 40 more`.
#[must_use]
pub fn history_of(layer: &LayerSpec, created: &Timestamp) -> History {
    let mut text = PATHS.to_owned();
    let mut named = 0;
    for path in &layer.paths {
        let base = path.path.base_name();
        if text.len() + base.len() > MOST_BYTES {
            break;
        }
        if named > 0 {
            text.push_str(", ");
        }
        text.push_str(base);
        named += 1;
    }
    match layer.paths.len() - named {
        0 if named == 0 => NONE.clone_into(&mut text),
        0 => {}
        more => text.push_str(&format!(" and {more} more")),
    }
    History { created: Some(created.clone()), created_by: text, ..History::default() }
}

/// The store paths that [`history_of`] names, of which layers that are made of none have none; nothing where it says something else or does not name all.
#[must_use]
pub fn paths_of(history: &History) -> Option<Vec<StorePath>> {
    match history.created_by.as_str() {
        NONE | nix_database::NAME | volumes::NAME => Some(Vec::new()),
        text if text.len() < 2 * MOST_BYTES => {
            text.strip_prefix(PATHS)?.split(", ").map(|path| path.parse().ok()).collect()
        }
        _ => None,
    }
}

/// What people call a layer of which nothing else is known: the path's name, else how many there are.
#[must_use]
pub fn name_of(layer: &LayerSpec) -> String {
    match &layer.paths[..] {
        [path] => path.path.name().to_owned(),
        paths => format!("{} paths", paths.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::samples::spec;

    #[test]
    fn paths_are_named_within_bounds() {
        let by = |names: &[&str]| history_of(&spec(names), &Timestamp::of_store()).created_by;
        assert_eq!(by(&[]), "no store paths");
        let base = "h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx";
        assert_eq!(by(&["a"]), format!("store paths: {base}-a"));
        assert_eq!(by(&["a", "b"]), format!("store paths: {base}-a, {base}-b"));
        let many = by(&["some-package"; 1000]);
        assert!(many.len() < MOST_BYTES + 50, "{}", many.len());
        let named = many.matches("some-package").count();
        assert!(many.ends_with(&format!(" and {} more", 1000 - named)), "{many}");
    }

    #[test]
    fn paths_are_read_again_where_all_are_named() {
        let read = |names: &[&str]| paths_of(&history_of(&spec(names), &Timestamp::of_store()));
        assert_eq!(read(&[]), Some(Vec::new()));
        let two: Vec<StorePath> = spec(&["a", "b"]).paths.into_iter().map(|path| path.path).collect();
        assert_eq!(read(&["a", "b"]), Some(two));
        assert_eq!(read(&["some-package"; 1000]), None);
        let by = |text: &str| History { created_by: text.to_owned(), ..History::default() };
        assert_eq!(paths_of(&by("nix2container")), None);
        assert_eq!(paths_of(&by("store paths: /bin/sh")), None);
    }

    #[test]
    fn layers_have_names() {
        assert_eq!(name_of(&spec(&["hello-2.12"])), "hello-2.12");
        assert_eq!(name_of(&spec(&["a", "b"])), "2 paths");
    }
}
