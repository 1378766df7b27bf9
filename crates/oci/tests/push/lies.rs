//! Records that are not true.

use std::collections::HashMap;

use snowbank_oci::compression::Compression;
use snowbank_oci::digest::Digest;
use snowbank_oci::push::{Outcome, Report};
use snowbank_oci::record::{LayerKey, LayerRecord};

use crate::scene::{How, NAME, Scene, outcomes, plan, spec};

/// What the layer of `a` comes to, and its key.
async fn truth(scene: &Scene) -> (Report, LayerKey, LayerRecord) {
    let report = scene.push(&plan(&["a"]), &How::default()).await;
    let (key, record) = report.news[0];
    assert_eq!(Some(key), LayerKey::of(&spec("a"), Compression::Zstd));
    (report, key, record)
}

fn told(key: LayerKey, record: LayerRecord) -> How {
    How { tag: "v2", records: HashMap::from([(key, record)]), ..How::default() }
}

#[tokio::test]
async fn of_a_wrong_size_is_warned_and_the_layer_made() {
    let scene = Scene::new();
    let (first, key, record) = truth(&scene).await;
    let lie = LayerRecord { size: record.size + 1, ..record };
    let report = scene.push(&plan(&["a"]), &told(key, lie)).await;
    assert!(scene.warnings()[0].contains("made anew"), "{:?}", scene.warnings());
    assert_eq!(outcomes(&report), [Outcome::Exists, Outcome::Uploaded]);
    assert_eq!(report.manifest, first.manifest);
}

#[tokio::test]
async fn another_blob_is_found_out_where_layers_are_verified() {
    let scene = Scene::new();
    let (first, key, record) = truth(&scene).await;
    scene.stand_in.remove_blob(NAME, &record.digest.to_string());
    let other = vec![b'x'; usize::try_from(record.size).unwrap()];
    let digest: Digest = scene.stand_in.add_blob(NAME, other).parse().unwrap();
    let how = How { verify: true, ..told(key, LayerRecord { digest, ..record }) };
    let report = scene.push(&plan(&["a"]), &how).await;
    assert!(scene.warnings()[0].contains("the record is not used"), "{:?}", scene.warnings());
    assert_eq!(report.manifest, first.manifest);
    assert_eq!(report.news, [(key, record)]);
    scene.check("v2", &report);
}

#[tokio::test]
async fn what_contradicts_the_image_is_not_used() {
    let scene = Scene::new();
    let (first, key, record) = truth(&scene).await;
    let mut plan = plan(&["a"]);
    plan.layers[1].diff_id = Some(record.diff_id);
    let lie = LayerRecord { diff_id: Digest::of(b"another"), digest: Digest::of(b"more"), ..record };
    let report = scene.push(&plan, &told(key, lie)).await;
    assert_eq!(report.manifest, first.manifest);
    scene.check("v2", &report);
}

#[tokio::test]
async fn another_record_is_told_even_where_the_right_blob_is_there() {
    let scene = Scene::new();
    let (first, key, record) = truth(&scene).await;
    let digest = Digest::of(b"another");
    let how = How { verify: true, ..told(key, LayerRecord { digest, ..record }) };
    let report = scene.push(&plan(&["a"]), &how).await;
    assert_eq!(outcomes(&report), [Outcome::Exists; 2]);
    assert_eq!(report.manifest, first.manifest);
    assert_eq!(report.news, [(key, record)]);
}
