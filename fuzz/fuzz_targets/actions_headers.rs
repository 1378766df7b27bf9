//! Ranges stay within their body, and queries are read, whatever stands in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_actions::query::Query;
use snowbank_actions::ranges::{Asked, Part, Placed};

fuzz_target!(|input: (u64, &str, &str)| {
    let (size, text, name) = input;
    if let Some(Part::Bytes { start, end }) = Asked::parse(text).map(|asked| asked.of(size)) {
        assert!(start < end && end <= size);
    }
    if let Ok(placed) = Placed::parse(text) {
        assert!(placed.start < placed.end);
    }
    let _ = Query::new(text).literal(name);
    let _ = Query::new(text).form(name);
});
