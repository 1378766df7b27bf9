//! Walking over a file system.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use proptest::prelude::*;
use snowbank_nix::nar::{Event, Reader, Walk, irregular, restore};

use crate::support::{Tree, trees};

/// An event whose contents are gathered: how a file is cut into pieces is nobody's business.
fn note(events: &mut Vec<String>, content: &mut Vec<u8>, event: &Event<'_>) {
    if let Event::Contents(bytes) = event {
        content.extend_from_slice(bytes);
    } else {
        events.push(format!("{content:?} {event:?}"));
        content.clear();
    }
}

proptest! {
    #[test]
    fn a_walk_gives_what_a_reader_gives(tree in trees()) {
        let folder = tempfile::tempdir().unwrap();
        let (nar, path) = (tree.nar(), folder.path().join("tree"));
        restore(nar.as_slice(), &path).unwrap();
        let (mut walked, mut read, mut content) = (Vec::new(), Vec::new(), Vec::new());
        let mut walk = Walk::new(&path).unwrap();
        while let Some(event) = walk.next_event().unwrap() {
            note(&mut walked, &mut content, &event);
        }
        walked.push(format!("{content:?}"));
        content.clear();
        let mut reader = Reader::new(nar.as_slice());
        while let Some(event) = reader.next_event().unwrap() {
            note(&mut read, &mut content, &event);
        }
        read.push(format!("{content:?}"));
        prop_assert_eq!(walked, read);
        prop_assert_eq!(walk.path(), path);
    }

    #[test]
    fn what_is_skipped_is_only_content(tree in trees()) {
        let folder = tempfile::tempdir().unwrap();
        let (nar, path) = (tree.nar(), folder.path().join("tree"));
        restore(nar.as_slice(), &path).unwrap();
        let (mut walked, mut read) = (Vec::new(), Vec::new());
        let mut walk = Walk::new(&path).unwrap();
        while let Some(event) = walk.next_event().unwrap() {
            walked.push(format!("{event:?}"));
            walk.skip_contents();
        }
        let mut reader = Reader::new(nar.as_slice());
        while let Some(event) = reader.next_event().unwrap() {
            if !matches!(event, Event::Contents(_)) {
                read.push(format!("{event:?}"));
            }
        }
        prop_assert_eq!(walked, read);
    }
}

#[test]
fn a_walk_names_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let inner = Tree::directory([("b", Tree::file(b"x"))]);
    let path = folder.path().join("tree");
    restore(Tree::directory([("a", inner), ("c", Tree::file(b""))]).nar().as_slice(), &path).unwrap();
    let mut walk = Walk::new(&path).unwrap();
    let mut names = Vec::new();
    while let Some(event) = walk.next_event().unwrap() {
        let named = matches!(event, Event::Directory | Event::File { .. } | Event::DirectoryEnd);
        names.extend(named.then(|| walk.path().strip_prefix(&path).unwrap().to_owned()));
    }
    assert_eq!(names, ["", "a", "a/b", "a", "c", ""].map(PathBuf::from));
}

#[test]
fn modes_that_no_store_gives_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tree");
    let script = Tree::File { executable: true, content: b"#!/bin/sh\n".to_vec() };
    restore(Tree::directory([("a", script), ("b", Tree::file(b"x"))]).nar().as_slice(), &path).unwrap();
    assert_eq!(irregular(&path, 10).unwrap(), Vec::<PathBuf>::new());

    for (name, mode) in [("b", 0o644), ("", 0o755)] {
        fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("/", path.join("link")).unwrap();
    fs::write(path.join("c"), "x").unwrap();
    let found = [path.clone(), path.join("b"), path.join("c")];
    assert_eq!(irregular(&path, 10).unwrap(), found);
    assert_eq!(irregular(&path, 2).unwrap(), found[..2]);
    assert!(irregular(&folder.path().join("missing"), 1).is_err());
}
