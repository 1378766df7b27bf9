//! The values that the runner's own script gives, and patterns that nobody would write.

use std::fs;
use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::*;

fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("a/x.txt", "alpha\n"),
        ("a.txt", "hello\n"),
        ("b/y.txt", "beta\n"),
        ("b/.hid/z.txt", "hidden\n"),
        ("empty.txt", ""),
        ("flake.lock", "{\"nodes\":{},\"root\":\"root\",\"version\":7}\n"),
    ] {
        let path = tree.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    tree
}

fn hash(tree: &tempfile::TempDir, patterns: &[&str], follow: bool) -> String {
    let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    hash_files(tree.path(), &patterns, follow).unwrap()
}

#[test]
fn the_values_are_the_runners() {
    let tree = tree();
    for (patterns, value) in [
        (&["flake.lock"][..], "988904cb03cb3472709a32e21ae52165e7ceeff8bc86bf78609e1e4b5abc8ad6"),
        (&["**/*.txt"], "b3db4f377ab56f5ca7c0c0a5bdea8077a71154d64269b1e9f92d277d5f3b846d"),
        (&["**/*.txt", "!b/**"], "14f46f3427be91b33ed8c28581c5444637fd667438e3f1f002976ae2c46e77d5"),
        (&["b/**", "a.txt"], "e8d8423da899d41b41593b1c5cf198c2099e6f1bb3a84572b55c8adcbcc9401a"),
        (&["a.txt", "b/**"], "5cdb37a2e9326a2e6e6458c68ab2db296e34266425bb5660f4c3b14f9d8fa8a6"),
        (&["a"], "4bb706b95c7ea23f44bc5d035ad8841af479871295d2ae0c685d07174705c880"),
        (&["empty.txt"], "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"),
        (&["nope/*"], ""),
        (&["FLAKE.lock"], ""),
    ] {
        assert_eq!(hash(&tree, patterns, false), value, "{patterns:?}");
    }
}

#[test]
fn links_are_the_runners_too() {
    let tree = tree();
    symlink("a.txt", tree.path().join("l.txt")).unwrap();
    symlink("a", tree.path().join("la")).unwrap();
    let read_through = "421b8786909a6046b683c981f4d52bdec77873d7a1da9e667ec53d1e94265776";
    assert_eq!(hash(&tree, &["**/*.txt"], false), read_through);
    let followed = "9c91063566474928d62b528b1ea86c3461ea87678f01ee35baa6ff16814343cb";
    assert_eq!(hash(&tree, &["**/*.txt"], true), followed);
}

#[test]
fn cycles_are_cut_and_broken_links_passed_over_only_when_followed() {
    let tree = tree();
    let before = hash(&tree, &["**/*.txt"], false);
    symlink("..", tree.path().join("b/up")).unwrap();
    symlink("nowhere", tree.path().join("broken.txt")).unwrap();
    assert_eq!(hash(&tree, &["**/*.txt"], true), before);
    let error = hash_files(tree.path(), &["**/*.txt".to_owned()], false).unwrap_err();
    assert!(matches!(error, HashFilesError::Read { .. }), "{error:?}");
}

#[test]
fn ways_to_write_the_same_come_to_the_same() {
    let tree = tree();
    let absolute = format!("{}/a.txt", tree.path().canonicalize().unwrap().display());
    let plain = hash(&tree, &["a.txt"], false);
    for patterns in [
        &["./a.txt"][..],
        &["[a].txt"],
        &["?.txt"],
        &["[!b].txt"],
        &["\\a.txt"],
        &[".//a.txt"],
        &["!!a.txt"],
        &["# no\n\n  a.txt\n"],
        &["*.txt", "!e*"],
        &["!a.txt", "a.txt"],
        &[&absolute],
        &["[a-c].t*t"],
    ] {
        assert_eq!(hash(&tree, patterns, false), plain, "{patterns:?}");
    }
    assert_eq!(hash(&tree, &["a/"], false), hash(&tree, &["a"], false));
    assert_eq!(hash(&tree, &["a.txt/"], false), "");
    assert_eq!(hash(&tree, &["{a,b}.txt", "[z-a].txt", "a.tx", "*.txt", "!**"], false), "");
}

#[test]
fn a_pattern_may_not_climb() {
    let tree = tree();
    for pattern in ["../x", "a/./b", "a/..", "!", "/a/../b"] {
        let error = hash_files(tree.path(), &[pattern.to_owned()], false).unwrap_err();
        assert!(matches!(error, HashFilesError::Pattern { .. }), "{pattern}: {error:?}");
    }
}

#[test]
fn only_one_option_is_known() {
    let given = ["--follow-symbolic-links".to_owned(), "a".to_owned()];
    assert_eq!(arguments(&given).unwrap(), (true, &given[1..]));
    assert_eq!(arguments(&given[1..]).unwrap(), (false, &given[1..]));
    assert!(matches!(arguments(&["--follow".to_owned()]), Err(HashFilesError::Option(_))));
}

proptest! {
    #[test]
    fn no_pattern_breaks_the_matcher(line in "[ab.*?\\[\\]!^\\\\/~ -]{0,24}|.{0,24}", path in "[ab./*\\[-]{0,16}") {
        let line = pattern::trim(&line);
        if let Ok(pattern) = Pattern::parse(line, "/w[o]rk/*", Some("/home")) {
            let names: Vec<Vec<u16>> = format!("/{path}").split('/').map(|name| name.encode_utf16().collect()).collect();
            let whole = pattern.matches(&names);
            // What matches is not passed over on the way.
            prop_assert!(!whole.directory || pattern.may_match_below(&names));
        }
    }

    #[test]
    fn a_name_without_globs_matches_itself_alone(name in "[a-c]{1,8}", other in "[a-c]{1,8}") {
        let segment = segment::Segment::parse(&name);
        let units: Vec<u16> = other.encode_utf16().collect();
        prop_assert_eq!(segment.matches(&units), name == other);
        prop_assert_eq!(segment::literal(&name), name);
    }
}
