//! No pattern breaks the matcher, and what is found in one walk is found in the next.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use snowbank_actions::hash_files::hash_files;
use tempfile::TempDir;

static TREE: OnceLock<TempDir> = OnceLock::new();

fuzz_target!(|text: &str| {
    let tree = TREE.get_or_init(|| {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("a/b")).unwrap();
        for file in ["a.txt", "a/b/[c]", "a/.d"] {
            std::fs::write(tree.path().join(file), file).unwrap();
        }
        tree
    });
    // Kept in the tree: a search that began elsewhere would go through the machine.
    let patterns: Vec<String> =
        text.lines().flat_map(|line| [format!("./{line}"), format!("!./{line}/b")]).collect();
    if let Ok(hash) = hash_files(tree.path(), &patterns, true) {
        assert_eq!(hash_files(tree.path(), &patterns, true).ok(), Some(hash));
    }
});
