//! Content addresses of NARs that stream by.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use snowbank_nix::{
    content_address::{ContentAddress, Method},
    hash::{Algorithm, Digest, NarHash},
    nar::{Content, ContentCheck, Parser, Verdict},
};

use crate::support::{Tree, trees};

fn content(nar: &[u8], slice: usize) -> Content {
    let (mut parser, mut check) = (Parser::new(), ContentCheck::default());
    for mut slice in nar.chunks(slice) {
        while let Some(event) = parser.next_event(&mut slice).unwrap() {
            check.event(&event);
        }
    }
    check.finish(NarHash::of(nar))
}

fn sha256(method: Method, bytes: &[u8]) -> ContentAddress {
    ContentAddress::new(method, Digest::new(Algorithm::Sha256, &Sha256::digest(bytes)).unwrap()).unwrap()
}

#[test]
fn the_addresses_of_the_manual_hold() {
    let file = content(&Tree::file(b"mycontent\n").nar(), 7);
    let address =
        "fixed:r:sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib".parse::<ContentAddress>();
    assert_eq!(file.has(&address.unwrap(), false), Verdict::Holds);
    // As `sha256sum` has it.
    let hash = "f3f3c4763037e059b4d834eaf68595bbc02ba19f6d2a500dce06d124e2cd99bb";
    let address = format!("fixed:sha256:{hash}").parse::<ContentAddress>();
    assert_eq!(file.has(&address.unwrap(), false), Verdict::Holds);
}

#[test]
fn only_a_file_that_cannot_be_executed_has_the_address_of_its_bytes() {
    let script = Tree::File { executable: true, content: b"x".to_vec() };
    for other in [script, Tree::Symlink(b"x".to_vec()), Tree::directory([("a", Tree::file(b"x"))])] {
        let other = content(&other.nar(), 99);
        for method in [Method::Flat, Method::Text] {
            assert_eq!(other.has(&sha256(method, b"x"), false), Verdict::Differs);
        }
    }
}

#[test]
fn what_cannot_be_told_is_said_to_be_unknown() {
    let nar = Tree::file(b"x").nar();
    let file = content(&nar, 99);
    assert_eq!(file.has(&sha256(Method::Nar, &nar), true), Verdict::Unknown);
    assert_eq!(file.has(&sha256(Method::Git, b"x"), false), Verdict::Unknown);
    for method in [Method::Flat, Method::Nar] {
        let md5 = ContentAddress::new(method, Digest::new(Algorithm::Md5, &[0; 16]).unwrap()).unwrap();
        assert_eq!(file.has(&md5, false), Verdict::Unknown);
    }
}

proptest! {
    #[test]
    fn content_has_its_own_addresses_and_no_others(tree in trees(), slice in 1usize..900, other: Vec<u8>) {
        let nar = tree.nar();
        let found = content(&nar, slice);
        prop_assert_eq!(found.has(&sha256(Method::Nar, &nar), false), Verdict::Holds);
        prop_assert_eq!(found.has(&sha256(Method::Nar, &other), false), Verdict::Differs);
        let bytes = match &tree {
            Tree::File { executable: false, content } => Some(content),
            _ => None,
        };
        for method in [Method::Flat, Method::Text] {
            if let Some(bytes) = bytes {
                prop_assert_eq!(found.has(&sha256(method, bytes), false), Verdict::Holds);
            }
            let same = bytes == Some(&other);
            prop_assert_eq!(found.has(&sha256(method, &other), false) == Verdict::Holds, same);
        }
    }
}
