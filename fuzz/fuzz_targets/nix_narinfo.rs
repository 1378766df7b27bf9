//! A text is refused, or is a `.narinfo` that says the same when it is written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_nix::{nar_info::NarInfo, store_path::StoreDir};

fuzz_target!(|text: &str| {
    let dir = StoreDir::default();
    if let Ok(info) = NarInfo::parse(text, &dir) {
        assert_eq!(NarInfo::parse(&info.to_text(&dir), &dir).as_ref(), Ok(&info));
        let _ = info.info.is_content_addressed(&dir);
    }
});
