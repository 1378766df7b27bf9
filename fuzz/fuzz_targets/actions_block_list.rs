//! A block list is refused, or is what its ids are written as.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_actions::block_list::{parse, render};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(ids) = parse(bytes) {
        assert_eq!(parse(render(&ids).as_bytes()).ok(), Some(ids));
    }
});
