//! What a server, or an entry of a cache service, tells of layers of images.

#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_binary_cache::bulk::{MAX_LAYER, ToldLayer, WireLayer};
use snowbank_client::image::records::Kept;

fuzz_target!(|input: (i32, u64, Option<u64>, &[u8])| {
    let (compression, size, diff_size, bytes) = input;
    let hash = |at: usize| bytes.chunks(32).nth(at).unwrap_or_default().to_vec();
    let layer = WireLayer { key: hash(0), diff_id: hash(1), digest: hash(2), size, diff_size, compression };
    if let Ok(told) = ToldLayer::try_from(layer.clone()) {
        assert!((1..=MAX_LAYER).contains(&told.size));
        assert_eq!(WireLayer::from(&told), layer);
    }
    let _ = Kept::decode(bytes);
    // As if it were whole.
    let entry = [b"SNOWLAYR", &1_u32.to_le_bytes()[..], blake3::hash(bytes).as_bytes(), bytes].concat();
    let Ok(kept) = Kept::decode(&entry) else { return };
    assert_eq!(Kept::decode(&kept.encode()).unwrap(), kept);
});
