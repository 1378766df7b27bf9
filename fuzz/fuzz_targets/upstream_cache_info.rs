//! Whatever a server sends as `nix-cache-info` says of which store it is, or nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_binary_cache::upstream::CacheInfo;
use snowbank_nix::store_path::StoreDir;

fuzz_target!(|text: &str| {
    let info = CacheInfo::parse(text);
    assert_eq!(info.is_for(&StoreDir::default()), info.store_dir.is_none_or(|dir| dir == "/nix/store"));
});
