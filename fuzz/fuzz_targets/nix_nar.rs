//! A stream is refused, or is a NAR that its events write again and list, the same however it is sliced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_nix::nar::{Layout, Listing, ListingError, NarError, Parser, Writer};

fn rewrite(bytes: &[u8], slice: usize) -> Result<Vec<u8>, NarError> {
    let (mut parser, mut writer) = (Parser::new(), Writer::new(Vec::new()).expect("a vector takes all"));
    for mut slice in bytes.chunks(slice) {
        while let Some(event) = parser.next_event(&mut slice)? {
            writer.event(&event).expect("a writer takes what a parser makes");
        }
    }
    parser.finish()?;
    Ok(writer.finish().expect("a vector takes all"))
}

fn scan(bytes: &[u8], slice: usize) -> Result<Vec<usize>, NarError> {
    let (mut layout, mut at, mut cuts) = (Layout::new(16), 0, Vec::new());
    for mut slice in bytes.chunks(slice) {
        while !slice.is_empty() {
            let step = layout.advance(slice)?;
            assert!((1..=slice.len()).contains(&step.len));
            slice = &slice[step.len..];
            at += step.len;
            cuts.extend(step.cut.then_some(at));
        }
    }
    layout.finish()?;
    Ok(cuts)
}

fn list(bytes: &[u8], slice: usize) -> Result<String, ListingError> {
    let (mut parser, mut listing) = (Parser::new(), Listing::new(1 << 20));
    for mut slice in bytes.chunks(slice) {
        while let Ok(Some((event, offset))) = parser.next_event_at(&mut slice) {
            listing.event(&event, offset);
        }
    }
    listing.finish()
}

fuzz_target!(|bytes: &[u8]| {
    let whole = rewrite(bytes, bytes.len().max(1));
    assert_eq!(whole, rewrite(bytes, 7));
    if let Ok(again) = &whole {
        assert_eq!(again, bytes);
        let listing = list(bytes, bytes.len().max(1));
        assert_eq!(listing, list(bytes, 7));
        // Each directory is two objects, and serde_json reads no more than 127 within each other.
        if let Ok(listing) = listing
            && listing.matches("entries").count() < 60
        {
            serde_json::from_str::<serde_json::Value>(&listing).expect("a listing is JSON");
        }
    }
    let cuts = scan(bytes, bytes.len().max(1));
    assert_eq!(cuts, scan(bytes, 7));
    assert_eq!(cuts.err(), whole.err());
});
