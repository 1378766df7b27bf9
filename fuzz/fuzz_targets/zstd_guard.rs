//! What is said of the first bytes needs no more of them than it says, and no less.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_cas::zstd_guard::{HEADER_MAX, Inspected, inspect};

fuzz_target!(|bytes: &[u8]| {
    match inspect(bytes) {
        Inspected::Frame(header) => {
            assert!(header.len <= bytes.len().min(HEADER_MAX));
            assert_eq!(inspect(&bytes[..header.len]), Inspected::Frame(header));
            assert_eq!(inspect(&bytes[..header.len - 1]), Inspected::Incomplete);
        }
        Inspected::Skippable { len } => assert!(len >= 8),
        Inspected::Incomplete => assert!(bytes.len() < HEADER_MAX),
        Inspected::Other => {}
    }
});
