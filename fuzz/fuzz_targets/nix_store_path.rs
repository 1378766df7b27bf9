//! A text is refused, or is a store path that is written alike; so are its hash part and other nix32.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_catalog::rooms::HashPart;
use snowbank_nix::{
    nix32,
    store_path::{StoreDir, StorePath},
};

fuzz_target!(|text: &str| {
    let dir = StoreDir::default();
    if let Ok(path) = text.parse::<StorePath>() {
        assert_eq!(path.base_name(), text);
        assert!(!text.contains('/') && text.len() <= 244);
        assert_eq!(nix32::decode(path.hash_part()).map(|bytes| bytes.len()), Ok(20));
        assert_eq!(HashPart::parse(path.hash_part()), Some(HashPart::of(&path)));
    }
    if let Some(part) = HashPart::parse(text) {
        assert_eq!(part.as_str(), text);
    }
    if let Ok(path) = dir.parse(text) {
        assert_eq!(dir.display(&path), text);
    }
    if let Some(dir) = StoreDir::new(text) {
        assert!(dir.as_str().starts_with('/'));
    }
    if let Ok(bytes) = nix32::decode(text) {
        assert_eq!(nix32::encode(&bytes), text);
    }
});
