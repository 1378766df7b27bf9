//! Paths in the order of a tar: by their components, and those by their bytes.
//!
//! A key is a cleaned path; the root's is empty, so that every path below it begins with a slash.

use std::cmp::Ordering;

/// The order in which entries stand in a tar.
pub(super) fn order(one: &[u8], other: &[u8]) -> Ordering {
    // No name has a NUL in it, so a slash that counts as one comes before everything.
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    one.iter().map(rank).cmp(other.iter().map(rank))
}

/// The keys of the directories that lead to `key`, the outermost first, without those that `before`, which stands before
/// it in the order, is or lies in.
pub(super) fn ancestors<'a>(before: Option<&'a [u8]>, key: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let slashes = key.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes
        .map(|(at, _)| &key[..at])
        .filter(move |folder| !before.is_some_and(|before| leads_to(folder, before)))
}

/// Whether a path lies in a directory, or is it.
pub(super) fn leads_to(folder: &[u8], key: &[u8]) -> bool {
    key.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// The key of a path, which is cleaned as Go's `path.Clean` does it: double slashes, `.` and `..` are taken out.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => {
                names.pop();
            }
            b".." if rooted => {}
            name => names.push(name),
        }
    }
    let cleaned = names.join(&b'/');
    match (rooted, names.is_empty()) {
        (true, true) => cleaned,
        (true, false) => [b"/", &cleaned[..]].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => cleaned,
    }
}

/// What an entry is called.
pub(super) fn name(key: &[u8]) -> &[u8] {
    if key.is_empty() { b"/" } else { key }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_comes_before_everything() {
        let sorted: [&[u8]; 9] = [b"", b"/a", b"/a/z", b"/a\x01", b"/a-b", b"/a.b", b"/ab", b"a", b"a/b"];
        assert!(sorted.is_sorted_by(|one, other| order(one, other) == Ordering::Less));
    }

    #[test]
    fn directories_that_were_there_before_are_left_out() {
        let found = |before, key| ancestors(before, key).collect::<Vec<_>>();
        assert_eq!(found(None, b"/a/b"), [&b""[..], b"/a"]);
        assert_eq!(found(Some(b"/a"), b"/a/b"), [&b""[..]; 0]);
        assert_eq!(found(Some(b"/a/b/c"), b"/a/c"), [&b""[..]; 0]);
        assert_eq!(found(Some(b"/a"), b"/a-/b/c"), [&b"/a-"[..], b"/a-/b"]);
        assert_eq!(found(None, b"../a/b"), [&b".."[..], b"../a"]);
        assert_eq!(found(None, b""), [&b""[..]; 0]);
    }

    #[test]
    fn paths_are_cleaned_as_go_does_it() {
        for (path, cleaned) in [
            ("/", ""),
            ("//a//b/", "/a/b"),
            ("/../a/./b/../c", "/a/c"),
            ("../data/x", "../data/x"),
            ("a/../..", ".."),
            ("../../a", "../../a"),
            (".", "."),
            ("a/..", "."),
            ("./bin", "bin"),
        ] {
            assert_eq!(clean(path.as_bytes()), cleaned.as_bytes(), "{path}");
        }
    }
}
