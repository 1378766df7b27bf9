//! A manifest is refused, or is what it is written as; and what is learned of it is of its layers.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use snowbank_oci::config::ConfigFile;
use snowbank_oci::descriptor::media_type;
use snowbank_oci::destination::Manifest;
use snowbank_oci::digest::Digest;
use snowbank_oci::image::learn;
use snowbank_oci::manifest::{Parsed, media_type_of};

fuzz_target!(|halves: (&[u8], &[u8])| {
    let (bytes, config) = halves;
    let mut types = vec![media_type::MANIFEST.to_owned(), media_type::INDEX.to_owned()];
    types.extend(media_type_of(bytes));
    for media_type in types {
        let manifest =
            Manifest { media_type, bytes: Bytes::copy_from_slice(bytes), digest: Digest::of(bytes) };
        let Ok(parsed) = Parsed::of(&manifest) else { continue };
        let written = match &parsed {
            Parsed::Image(image) => image.to_manifest(),
            Parsed::Index(index) => index.to_manifest(),
        };
        // What is escaped may become longer than a manifest may be.
        if let Ok(written) = written {
            assert_eq!(Parsed::of(&written).unwrap(), parsed);
        }
        if let (Parsed::Image(image), Ok(config)) = (&parsed, ConfigFile::parse(config)) {
            if let Ok(learned) = learn(image, &config) {
                let known = learned.by_diff_id.values().chain(learned.by_key.values());
                assert!(
                    known
                        .clone()
                        .all(|record| image.layers.iter().any(|layer| layer.digest == record.digest))
                );
            }
        }
    }
});
