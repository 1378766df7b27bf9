//! A scan notes every hash part that stands in some content.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use snowbank_nix::{
    mentions::{MAX_MENTIONS, MentionScanner, Mentions, MentionsError},
    nix32,
    store_path::{HASH_LEN, StorePath},
};

const HASH: &str = "xv2iccirbrvklck36f1g7vldn5v58vck";

fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<Mentions> {
    let mut scanner = MentionScanner::new();
    pieces.into_iter().for_each(|piece| scanner.update(piece));
    scanner.finish()
}

/// What a look at every window finds.
fn naive(content: &[u8]) -> BTreeSet<Vec<u8>> {
    let windows = content.windows(HASH_LEN).filter(|window| window.iter().all(|&byte| nix32::is_digit(byte)));
    windows.map(|window| nix32::decode(str::from_utf8(window).unwrap()).unwrap()[..8].to_vec()).collect()
}

fn path(hash: &str) -> StorePath {
    format!("{hash}-name").parse().unwrap()
}

/// As many different hash parts in a row, each behind a slash.
fn many(count: usize) -> Vec<u8> {
    (0..count as u64)
        .flat_map(|seed| {
            let mut digest = [7; 20];
            digest[..8].copy_from_slice(&seed.to_le_bytes());
            format!("/{}", nix32::encode(&digest)).into_bytes()
        })
        .collect()
}

#[test]
fn a_path_is_mentioned_by_its_hash_part_alone() {
    let found = scan([format!("see /nix/store/{HASH}-name, not E{}", &HASH[1..]).as_bytes()]).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found.mentions(&path(HASH)));
    assert!(!found.mentions(&path(&HASH.replace('x', "y").replace("vck", "vcl"))));
    assert!(scan([b"nothing".as_slice()]).unwrap().is_empty());
}

#[test]
fn every_window_of_a_longer_row_of_digits_counts() {
    let row = format!("{HASH}abc");
    let found = scan([row.as_bytes()]).unwrap();
    assert_eq!(found.len(), 4);
    assert!((0..4).all(|at| found.mentions(&path(&row[at..at + HASH_LEN]))));
}

#[test]
fn too_many_are_as_good_as_all() {
    assert_eq!(scan([many(MAX_MENTIONS).as_slice()]).unwrap().len(), MAX_MENTIONS);
    assert_eq!(scan([many(MAX_MENTIONS + 1).as_slice()]), None);
    let all = many(MAX_MENTIONS + 1);
    let (most, rest) = all.split_at(all.len() - 40);
    assert_eq!(scan([most, rest, b"and more"]), None);
}

#[test]
fn what_was_not_written_by_a_scan_is_refused() {
    let bytes = scan([many(3).as_slice()]).unwrap().to_bytes();
    assert_eq!(bytes.len(), 24);
    assert_eq!(Mentions::from_bytes(&bytes[1..]), Err(MentionsError::Length(23)));
    assert_eq!(Mentions::from_bytes(&[&bytes[8..], &bytes[..8]].concat()), Err(MentionsError::Unsorted));
    assert_eq!(Mentions::from_bytes(&bytes[..8].repeat(2)), Err(MentionsError::Unsorted));
    let long = vec![0; 8 * (MAX_MENTIONS + 1)];
    assert_eq!(Mentions::from_bytes(&long), Err(MentionsError::TooMany(MAX_MENTIONS + 1)));
}

/// Content in which rows of digits begin and end in all ways.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => "[0-9a-df-np-sv-z]{25,40}",
        1 => "[0-9a-df-np-sv-z]{60,100}",
        1 => "0{30,70}",
        2 => "[a-z0-9]{1,50}",
    ];
    let other = prop_oneof![2 => Just(Vec::new()), 3 => Just(b"/".to_vec()), 1 => any::<Vec<u8>>()];
    prop::collection::vec((part, other), 0..12).prop_map(|parts| {
        parts.into_iter().flat_map(|(part, other)| [part.into_bytes(), other].concat()).collect()
    })
}

proptest! {
    #[test]
    fn a_scan_finds_what_a_look_at_every_window_finds(
        content in contents(),
        ends in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut ends: Vec<_> = ends.iter().map(|end| end.index(content.len() + 1)).collect();
        ends.extend([0, content.len()]);
        ends.sort_unstable();
        let found = scan(ends.windows(2).map(|pair| &content[pair[0]..pair[1]])).unwrap();
        let expected: Vec<_> = naive(&content).into_iter().flatten().collect();
        prop_assert_eq!(found.to_bytes(), expected);
        prop_assert_eq!(scan(content.chunks(1)), Some(found.clone()));
        prop_assert_eq!(Mentions::from_bytes(&found.to_bytes()), Ok(found));
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_come_back(bytes: Vec<u8>) {
        if let Ok(mentions) = Mentions::from_bytes(&bytes) {
            prop_assert_eq!(mentions.to_bytes(), bytes);
        }
    }
}
