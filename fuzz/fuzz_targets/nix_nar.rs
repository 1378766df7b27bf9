//! A stream is refused, or is a NAR that its events write again, the same however it is sliced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_nix::nar::{Layout, NarError, Parser, Writer};

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

fuzz_target!(|bytes: &[u8]| {
    let whole = rewrite(bytes, bytes.len().max(1));
    assert_eq!(whole, rewrite(bytes, 7));
    if let Ok(again) = &whole {
        assert_eq!(again, bytes);
    }
    let cuts = scan(bytes, bytes.len().max(1));
    assert_eq!(cuts, scan(bytes, 7));
    assert_eq!(cuts.err(), whole.err());
});
