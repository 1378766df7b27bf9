//! A list of store paths in a manifest is refused, or is written and read again as it is.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use snowbank_nix::store_path::StorePath;
use snowbank_oci::image::{decode_paths, encode_paths};

fuzz_target!(|text: &str| {
    let Ok(paths) = decode_paths(text) else { return };
    let once: BTreeSet<&StorePath> = paths.iter().collect();
    // What does not compress may become longer than a list may be.
    let Some(written) = encode_paths(&once) else { return };
    assert!(decode_paths(&written).expect("what was written can be read").iter().eq(once));
});
