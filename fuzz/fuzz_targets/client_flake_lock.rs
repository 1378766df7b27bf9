//! A `flake.lock` names store paths of sources, or is none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_client::selection::locked_sources;
use snowbank_nix::store_path::StoreDir;

fuzz_target!(|text: &[u8]| {
    if let Ok(sources) = locked_sources(text, &StoreDir::default()) {
        assert!(sources.iter().all(|path| path.to_string().ends_with("-source")));
    }
});
