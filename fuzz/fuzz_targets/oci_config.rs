//! An image's config is refused, or is what it is written as.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_oci::config::ConfigFile;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = ConfigFile::parse(bytes) {
        let written = file.to_bytes().unwrap();
        assert_eq!(ConfigFile::parse(&written).unwrap(), file);
    }
});
