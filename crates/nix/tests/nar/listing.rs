//! Listings tell what is where.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use snowbank_nix::nar::{Listing, ListingError, MAX_LISTING, Parser};

use crate::support::{Tree, trees};

fn list(nar: &[u8], most: usize, slice: usize) -> Result<String, ListingError> {
    let (mut parser, mut listing) = (Parser::new(), Listing::new(most));
    for mut slice in nar.chunks(slice) {
        while let Some((event, offset)) = parser.next_event_at(&mut slice).unwrap() {
            listing.event(&event, offset);
        }
    }
    listing.finish()
}

/// The tree that a listing tells of, the content taken from the places in `nar` that it names; `None` for what is no
/// listing.
fn read(node: &Value, nar: &[u8]) -> Option<Tree> {
    let number = |key: &str| usize::try_from(node.get(key)?.as_u64()?).ok();
    Some(match node.get("type")?.as_str()? {
        "regular" => {
            let executable = node.get("executable");
            assert!(matches!(executable, None | Some(Value::Bool(true))));
            let start = number("narOffset")?;
            let content = nar.get(start..start + number("size")?)?.to_vec();
            Tree::File { executable: executable.is_some(), content }
        }
        "symlink" => Tree::Symlink(node.get("target")?.as_str()?.into()),
        "directory" => {
            let entries = node.get("entries")?.as_object()?.iter();
            let read = entries.map(|(name, node)| Some((name.clone().into_bytes(), read(node, nar)?)));
            Tree::Directory(read.collect::<Option<BTreeMap<_, _>>>()?)
        }
        _ => return None,
    })
}

fn is_text(tree: &Tree) -> bool {
    match tree {
        Tree::File { .. } => true,
        Tree::Symlink(target) => str::from_utf8(target).is_ok(),
        Tree::Directory(entries) => {
            entries.iter().all(|(name, tree)| str::from_utf8(name).is_ok() && is_text(tree))
        }
    }
}

#[test]
fn a_listing_is_written_as_nix_writes_it() {
    let script = Tree::File { executable: true, content: b"#!/bin/sh\n".to_vec() };
    let tree = Tree::directory([
        ("bin", Tree::directory([("\"q\"\n", Tree::file(b"")), ("run", script)])),
        ("empty", Tree::directory([])),
        ("link", Tree::Symlink("../é".into())),
    ]);
    let expected = concat!(
        r#"{"root":{"entries":{"bin":{"entries":{"\"q\"\n":{"narOffset":368,"size":0,"type":"regular"},"#,
        r#""run":{"executable":true,"narOffset":584,"size":10,"type":"regular"}},"type":"directory"},"#,
        r#""empty":{"entries":{},"type":"directory"},"link":{"target":"../é","type":"symlink"}},"#,
        r#""type":"directory"},"version":1}"#
    );
    assert_eq!(list(&tree.nar(), MAX_LISTING, 1).as_deref(), Ok(expected));
}

#[test]
fn a_name_that_json_cannot_hold_is_told_at_the_end() {
    let entries = [(vec![0xff], Tree::file(b"x"))].into();
    assert_eq!(list(&Tree::Directory(entries).nar(), MAX_LISTING, 9), Err(ListingError::NotUtf8));
    assert_eq!(list(&Tree::Symlink(vec![0xff]).nar(), MAX_LISTING, 9), Err(ListingError::NotUtf8));
}

#[test]
fn a_listing_has_a_bound_and_an_end() {
    let nar = Tree::directory([("a", Tree::file(b"x"))]).nar();
    let length = list(&nar, MAX_LISTING, 99).unwrap().len();
    assert!(list(&nar, length, 99).is_ok());
    assert_eq!(list(&nar, length - 1, 99), Err(ListingError::TooLong(length - 1)));
    assert_eq!(list(&nar[..nar.len() - 16], MAX_LISTING, 99), Err(ListingError::Incomplete));
}

proptest! {
    #[test]
    fn a_listing_names_every_file_and_where_its_content_lies(tree in trees(), slice in 1usize..900) {
        let nar = tree.nar();
        let listing = list(&nar, MAX_LISTING, slice);
        if is_text(&tree) {
            let value: Value = serde_json::from_str(&listing.unwrap()).unwrap();
            prop_assert_eq!(value.get("version").and_then(Value::as_u64), Some(1));
            prop_assert_eq!(value.get("root").and_then(|root| read(root, &nar)), Some(tree));
        } else {
            prop_assert_eq!(listing, Err(ListingError::NotUtf8));
        }
    }
}
