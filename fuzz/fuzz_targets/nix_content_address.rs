//! A text is refused, or is a hash or content address that says the same in every form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_nix::{
    content_address::ContentAddress,
    hash::Digest,
    store_path::{References, StoreDir},
};

fuzz_target!(|text: &str| {
    if let Ok(digest) = Digest::parse(text) {
        for form in [digest.base16(), digest.nix32(), digest.base64(), digest.sri()] {
            assert_eq!(Digest::parse(&form), Ok(digest));
        }
    }
    if let Ok(address) = text.parse::<ContentAddress>() {
        assert_eq!(address.to_string().parse(), Ok(address));
        assert!(StoreDir::default().content_path("name", &address, References::NONE).is_ok());
    }
});
