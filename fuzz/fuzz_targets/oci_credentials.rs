//! A credential file knows a registry, or does not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_oci::reference::Reference;
use snowbank_oci::registry::credentials::AuthFile;

fuzz_target!(|bytes: &[u8]| {
    let Ok(reference) = "ghcr.io/owner/image".parse::<Reference>() else { return };
    if let Ok(file) = AuthFile::parse(bytes) {
        let _ = file.entry(&reference);
    }
});
