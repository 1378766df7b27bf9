//! A message is refused, or says the same in both encodings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_actions::messages::{
    CreateCacheEntryRequest, FinalizeCacheEntryUploadRequest, GetCacheEntryDownloadUrlRequest, v1,
};
use snowbank_actions::twirp::Encoding::{self, Json, Protobuf};
use snowbank_actions::twirp::Wire;

fn agree<M: Wire + PartialEq>(from: Encoding, bytes: &[u8]) {
    let Ok(message) = from.decode::<M>(bytes) else { return };
    for encoding in [Json, Protobuf] {
        let written = encoding.encode(&message);
        // JSON escapes may make it longer than what may be read.
        if let Ok(again) = encoding.decode::<M>(&written) {
            assert!(again == message);
        } else {
            assert!(written.len() > bytes.len());
        }
    }
}

fuzz_target!(|input: (bool, &[u8])| {
    let (json, bytes) = input;
    let encoding = if json { Json } else { Protobuf };
    agree::<CreateCacheEntryRequest>(encoding, bytes);
    agree::<FinalizeCacheEntryUploadRequest>(encoding, bytes);
    agree::<GetCacheEntryDownloadUrlRequest>(encoding, bytes);
    let _ = serde_json::from_slice::<v1::Reserve>(bytes);
    let _ = serde_json::from_slice::<v1::Commit>(bytes);
});
