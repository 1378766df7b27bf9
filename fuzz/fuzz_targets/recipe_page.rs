//! A page is refused, or is what an encoder writes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_cas::recipe::RecipePage;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(page) = RecipePage::decode(bytes) {
        assert_eq!(page.encode(), bytes);
    }
});
