//! Every line of a `nix.conf` is refused, or made of plain words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_client::nix_conf::{Line, lines};

fuzz_target!(|text: &str| {
    for (_, line) in lines(text) {
        if let Ok(Line::Setting { name, words }) = line {
            let plain = |word: &str| !word.is_empty() && !word.contains([' ', '#', '\n', '\r', '\t']);
            assert!(plain(name) && words.into_iter().all(plain));
        }
    }
});
