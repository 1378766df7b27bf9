//! Dependencies that are named are used, and no source file grows into a place for everything.

use crate::workspace::{own, rust_files};

/// Lines above which a file does more than one job.
const MOST_LINES: usize = 500;

#[test]
fn every_dependency_is_used() {
    let mut unused = Vec::new();
    for package in own() {
        let sources = rust_files(package.folder());
        for dependency in &package.dependencies {
            let name = dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_");
            if !sources.iter().any(|(_, text)| names(text, &name)) {
                unused.push(format!("{}: {}", package.room(), dependency.name));
            }
        }
    }
    assert!(unused.is_empty(), "{unused:#?}");
}

/// Whether `text` holds `name` as a whole word.
fn names(text: &str, name: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(part_of_word) && !text[at + name.len()..].starts_with(part_of_word)
    })
}

#[test]
fn no_source_file_is_too_long() {
    let long: Vec<_> = own()
        .iter()
        .flat_map(|package| rust_files(package.folder()))
        .map(|(path, text)| (text.lines().count(), path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_word_is_not_found_inside_another() {
    assert!(names("use hex::encode", "hex"));
    assert!(!names("use hexagon; a_hex", "hex"));
}
