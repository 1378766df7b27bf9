//! The beginning of an index names packs, or none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_server::service::packs_of_index;

fuzz_target!(|bytes: &[u8]| {
    for key in packs_of_index(bytes) {
        assert!(key.starts_with("snowbank-pack-"));
    }
});
