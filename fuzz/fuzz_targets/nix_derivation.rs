//! A text is refused, or begins as a derivation does: its outputs are store paths with names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_nix::{derivation, store_path::StoreDir};

fuzz_target!(|text: &[u8]| {
    let dir = StoreDir::default();
    if let Ok(outputs) = derivation::outputs(text, &dir) {
        assert!(outputs.len() <= derivation::MAX_OUTPUTS);
        // What is looked at ends with the list.
        let end = text.iter().rposition(|&byte| byte == b']').expect("a list ends");
        assert_eq!(
            derivation::outputs(&[&text[..=end], b"]".as_slice()].concat(), &dir).as_ref(),
            Ok(&outputs)
        );
    }
});
