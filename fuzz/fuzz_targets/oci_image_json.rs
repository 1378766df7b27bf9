//! An image JSON is refused, or has each layer once and files that lead nowhere else.
#![no_main]

use std::collections::BTreeSet;
use std::path::Component;

use libfuzzer_sys::fuzz_target;
use snowbank_nix::store_path::StoreDir;
use snowbank_oci::image::{LayerContent, plan_json};
use snowbank_oci::image_json::ImageJson;

fuzz_target!(|bytes: &[u8]| {
    let dir = StoreDir::default();
    let Ok(image) = ImageJson::parse(bytes, &dir) else { return };
    let digests: BTreeSet<_> = image.layers.iter().map(|layer| layer.digest).collect();
    assert_eq!(digests.len(), image.layers.len());
    let Ok(plan) = plan_json(image, &dir, "amd64") else { return };
    for layer in &plan.layers {
        if let LayerContent::File(file) = &layer.content {
            assert!(file.inside.components().all(|one| matches!(one, Component::Normal(_))));
        }
    }
});
