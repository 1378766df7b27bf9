//! A scan finds the hash parts that a look at every window finds, however the bytes are sliced, and what it notes comes
//! back; other bytes are refused.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use snowbank_nix::{
    mentions::{MentionScanner, Mentions},
    nix32,
    store_path::HASH_LEN,
};

fn scan(bytes: &[u8], slice: usize) -> Mentions {
    let mut scanner = MentionScanner::new();
    bytes.chunks(slice).for_each(|piece| scanner.update(piece));
    scanner.finish().expect("the input is shorter than that")
}

fn naive(bytes: &[u8]) -> BTreeSet<Vec<u8>> {
    let texts = bytes.windows(HASH_LEN).filter_map(|window| str::from_utf8(window).ok());
    texts.filter_map(|text| nix32::decode(text).ok()).map(|digest| digest[..8].to_vec()).collect()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (slice, bytes) = input;
    let bytes = &bytes[..bytes.len().min(1 << 15)];
    let found = scan(bytes, bytes.len().max(1));
    assert_eq!(found, scan(bytes, usize::from(slice) + 1));
    assert_eq!(found.to_bytes(), naive(bytes).into_iter().flatten().collect::<Vec<_>>());
    assert_eq!(Mentions::from_bytes(&found.to_bytes()).as_ref(), Ok(&found));
    if let Ok(mentions) = Mentions::from_bytes(bytes) {
        assert_eq!(mentions.to_bytes(), bytes);
    }
});
