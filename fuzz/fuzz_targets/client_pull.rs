//! What a server tells of a closure that is to be pulled.

#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_binary_cache::bulk::MAX_PATHS;
use snowbank_client::pull::{MAX_RECORDS, Plan};

fuzz_target!(|bytes: &[u8]| {
    let Ok(plan) = Plan::decode(bytes) else { return };
    assert!(plan.paths.len() <= MAX_PATHS);
    let frames: usize = plan.paths.values().map(|path| path.frames.len()).sum();
    assert!(frames * 72 <= MAX_RECORDS);
    for (name, path) in &plan.paths {
        assert_eq!(&path.info.path, name);
        let size: u64 = path.frames.iter().map(|frame| u64::from(frame.raw_len)).sum();
        assert!(path.frames.is_empty() || size == path.info.nar_size);
    }
});
