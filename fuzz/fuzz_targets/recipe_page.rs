//! A page is refused, or is what an encoder writes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_cas::recipe::RecipePage;

fn read(bytes: &[u8]) {
    if let Ok(page) = RecipePage::decode(bytes) {
        assert_eq!(page.encode(), bytes);
    }
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (packs, frames, bytes) = input;
    read(bytes);
    // The version, counts, and as many bytes as they ask for, which no fuzzer guesses.
    let (packs, frames) = (u16::from(packs) % 5, u16::from(frames) % 9);
    let mut page = [1, packs, frames].iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
    page.extend(bytes);
    page.resize(22 + 8 * usize::from(packs) + 78 * usize::from(frames), 0);
    read(&page);
});
