//! A frame is refused, or gives just the bytes that it states; adoption accepts no more than decoding does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_cas::adopt::check_frame;
use snowbank_cas::frame::Decoder;
use snowbank_cas::id::{ChunkHash, FrameHash};
use snowbank_cas::pack::PackEntry;

fuzz_target!(|input: (u32, &[u8])| {
    let (raw_len, frame) = input;
    let raw_len = raw_len % (1 << 20);
    let Ok(mut decoder) = Decoder::new() else { return };
    let chunk = decoder.decode(frame, raw_len).map(<[u8]>::to_vec);
    if let Ok(chunk) = &chunk {
        assert_eq!(chunk.len(), raw_len as usize);
    }
    let entry = PackEntry {
        chunk: ChunkHash::of(chunk.as_deref().unwrap_or_default()),
        frame: FrameHash::of(frame),
        raw_len,
        stored_len: frame.len() as u32,
    };
    assert!(check_frame(&entry, frame, &mut decoder).is_err() || chunk.is_ok());
});
