//! Names of files of a binary cache: none leads out of its folder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_binary_cache::File;

fuzz_target!(|path: &str| {
    if let Some(File::Kept(kept)) = File::parse(path) {
        assert!(kept.name.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
    }
});
