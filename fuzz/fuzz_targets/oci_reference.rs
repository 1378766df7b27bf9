//! An image's name is refused, or is what it is printed as.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_oci::reference::Reference;

fuzz_target!(|text: &str| {
    if let Ok(parsed) = Reference::parse(text) {
        let again = Reference::parse(&parsed.reference.to_string());
        assert_eq!(again.map(|again| again.reference), Ok(parsed.reference));
    }
});
