//! A scan finds every file's beginning and end.

use std::collections::BTreeSet;

use proptest::prelude::*;
use snowbank_nix::nar::{Event, Layout, NarError, Parser};

use crate::support::{Tree, trees};

fn cuts(nar: &[u8], threshold: u64, slice: usize) -> Result<BTreeSet<usize>, NarError> {
    let (mut layout, mut at, mut cuts) = (Layout::new(threshold), 0, BTreeSet::new());
    for mut slice in nar.chunks(slice) {
        while !slice.is_empty() {
            let step = layout.advance(slice)?;
            assert!(step.len > 0);
            slice = &slice[step.len..];
            at += step.len;
            if step.cut {
                cuts.insert(at);
            }
        }
    }
    layout.finish()?;
    assert_eq!(at, nar.len());
    Ok(cuts)
}

/// Where files of `threshold` bytes lie, from the parser's own offsets.
fn files(nar: &[u8], threshold: u64) -> BTreeSet<usize> {
    let (mut parser, mut rest, mut places) = (Parser::new(), nar, BTreeSet::new());
    while let Some(event) = parser.next_event(&mut rest).unwrap() {
        if let Event::File { size, .. } = event
            && size > 0
            && size >= threshold
        {
            let start = parser.offset();
            places.extend([start, start + size].map(|place| usize::try_from(place).unwrap()));
        }
    }
    places
}

#[test]
fn content_lies_between_the_cuts() {
    let content = b"a content that is nowhere else";
    let nar = Tree::directory([("a", Tree::file(b"small")), ("b", Tree::file(content))]).nar();
    let cuts: Vec<_> = cuts(&nar, 10, 7).unwrap().into_iter().collect();
    assert_eq!(cuts.len(), 2);
    assert_eq!(&nar[cuts[0]..cuts[1]], content);
}

#[test]
fn what_is_no_nar_is_refused() {
    let nar = Tree::file(&[b'x'; 100]).nar();
    assert_eq!(cuts(&nar[..nar.len() - 1], 1, 9), Err(NarError::Truncated));
    assert_eq!(cuts(b"0123456789", 1, 9), Err(NarError::Magic));
}

proptest! {
    #[test]
    fn every_file_is_found_however_the_bytes_are_sliced(tree in trees(), threshold in 0u64..2000, slice in 1usize..900) {
        let nar = tree.nar();
        prop_assert_eq!(cuts(&nar, threshold, slice).unwrap(), files(&nar, threshold));
    }
}
