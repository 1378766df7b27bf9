//! Pushes to where something is.

use snowbank_oci::compression::Compression;
use snowbank_oci::descriptor::media_type;
use snowbank_oci::destination::{Destination as _, Manifest};
use snowbank_oci::digest::Digest;
use snowbank_oci::image::LayerContent;
use snowbank_oci::push::Outcome;
use snowbank_testkit::registry::Garbage;

use crate::scene::{How, NAME, Scene, outcomes, plan, recorded, tagged};

fn nothing() -> Vec<String> {
    Vec::new()
}

#[tokio::test]
async fn without_records_the_tag_tells_all() {
    let scene = Scene::new();
    let plan = plan(&["a", "b"]);
    let first = scene.push(&plan, &How::default()).await;
    let report = scene.push(&plan, &How::default()).await;
    let asked: Vec<_> = scene.log().into_iter().map(|logged| logged.method).collect();
    assert_eq!(asked, ["GET", "GET"]);
    assert_eq!(scene.opened(), nothing());
    assert_eq!(outcomes(&report), [Outcome::Exists; 3]);
    assert_eq!((report.unchanged, report.manifest), (true, first.manifest));
}

#[tokio::test]
async fn a_machine_that_knows_no_hashes_leaves_what_the_tag_says() {
    let scene = Scene::new();
    let mut plan = plan(&["a", "b"]);
    let first = scene.push(&plan, &How::default()).await;
    for (layer, done) in plan.layers.iter_mut().zip(&first.layers) {
        layer.diff_id = done.diff_id;
        if let LayerContent::Paths(spec) = &mut layer.content {
            spec.paths.iter_mut().for_each(|path| path.nar_hash = None);
        }
    }
    let report = scene.push(&plan, &How::default()).await;
    assert_eq!((report.unchanged, report.manifest), (true, first.manifest));
    assert_eq!(scene.changes(), nothing());
    plan.annotations.insert("new".to_owned(), "x".to_owned());
    let report = scene.push(&plan, &How::default()).await;
    assert_ne!(report.manifest, first.manifest);
}

#[tokio::test]
async fn with_records_one_request_is_enough() {
    let scene = Scene::new();
    let plan = plan(&["a", "b"]);
    let first = scene.push(&plan, &How::default()).await;
    let report = scene.push(&plan, &recorded(&first)).await;
    assert_eq!(scene.log().len(), 1);
    assert_eq!((report.unchanged, report.tagged), (true, vec![]));
}

#[tokio::test]
async fn with_records_a_new_tag_takes_no_bytes_of_blobs() {
    let scene = Scene::new();
    let plan = plan(&["a", "b"]);
    let first = scene.push(&plan, &How::default()).await;
    let report = scene.push(&plan, &How { tag: "v2", ..recorded(&first) }).await;
    assert!(scene.log().len() <= plan.layers.len() + 3);
    assert_eq!(scene.changes(), ["PUT /v2/owner/image/manifests/v2"]);
    assert_eq!(scene.opened(), nothing());
    scene.check("v2", &report);
}

#[tokio::test]
async fn of_a_changed_path_only_its_layer_is_sent() {
    let scene = Scene::new();
    scene.push(&plan(&["a", "b", "c"]), &How::default()).await;
    let report = scene.push(&plan(&["a", "d", "c"]), &How::default()).await;
    let there = Outcome::Exists;
    assert_eq!(outcomes(&report), [there, there, Outcome::Uploaded, there]);
    assert_eq!(scene.opened(), ["d"]);
    // Its layer and the config.
    assert_eq!(scene.uploads(), 2);
    scene.check("v1", &report);
}

#[tokio::test]
async fn blobs_that_the_tag_names_are_not_asked_for() {
    let scene = Scene::new();
    scene.push(&plan(&["a", "b", "c"]), &How::default()).await;
    scene.push(&plan(&["a", "d", "c"]), &How::default()).await;
    let asked = scene.log().into_iter().filter(|one| one.method == "HEAD").collect::<Vec<_>>();
    // Whether the config is there.
    assert!(asked.len() <= 1, "{asked:?}");
}

#[tokio::test]
async fn what_another_tool_pushed_is_adopted() {
    let scene = Scene::new();
    let mut plan = plan(&["a", "b"]);
    let how = How { compression: Some(Compression::Gzip), ..tagged("own") };
    let first = scene.push(&plan, &how).await;
    for (layer, report) in plan.layers.iter_mut().zip(&first.layers) {
        layer.diff_id = report.diff_id;
    }
    let (_, bytes) = scene.stand_in.manifest(NAME, "own").unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    json["mediaType"] = media_type::DOCKER_MANIFEST.into();
    json["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json".into();
    for layer in json["layers"].as_array_mut().unwrap() {
        layer["mediaType"] = media_type::DOCKER_LAYER_GZIP.into();
        layer.as_object_mut().unwrap().remove("annotations");
    }
    let bytes = serde_json::to_vec(&json).unwrap();
    let (media_type, digest) = (media_type::DOCKER_MANIFEST.to_owned(), Digest::of(&bytes));
    let docker = Manifest { media_type, bytes: bytes.into(), digest };
    scene.repository().put_manifest(&docker, "v1").await.unwrap();
    let report = scene.push(&plan, &How::default()).await;
    assert_eq!(outcomes(&report), [Outcome::Exists; 3]);
    assert_eq!(scene.opened(), nothing());
    assert_eq!(scene.changes(), ["PUT /v2/owner/image/manifests/v1"]);
    scene.check("v1", &report);
}

#[tokio::test]
async fn a_tag_that_names_no_image_is_pushed_over() {
    for media_type in [media_type::MANIFEST, media_type::INDEX, "application/x-unknown"] {
        let scene = Scene::new();
        let bytes = br#"{"layers":7}"#;
        let digest = Digest::of(bytes);
        let garbage = Manifest { media_type: media_type.to_owned(), bytes: bytes[..].into(), digest };
        // The stand-in looks at layers that are a list.
        scene.repository().put_manifest(&garbage, "v1").await.unwrap();
        let report = scene.push(&plan(&["a"]), &How::default()).await;
        scene.check("v1", &report);
    }
}

#[tokio::test]
async fn a_registry_that_gives_other_manifests_is_not_pushed_to() {
    let scene = Scene::new();
    scene.push(&plan(&["a"]), &How::default()).await;
    scene.stand_in.change(|modes| modes.garbage = Some(Garbage::OtherBytes));
    scene.try_push(&plan(&["b"]), &How::default()).await.unwrap_err();
    assert_eq!(scene.changes(), nothing());
}

#[tokio::test]
async fn a_config_that_is_gone_teaches_nothing() {
    let scene = Scene::new();
    let plan = plan(&["a"]);
    scene.push(&plan, &How::default()).await;
    let (_, bytes) = scene.stand_in.manifest(NAME, "v1").unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    scene.stand_in.remove_blob(NAME, json["config"]["digest"].as_str().unwrap());
    let report = scene.push(&plan, &How::default()).await;
    scene.check("v1", &report);
    assert_eq!(scene.opened(), ["a"]);
}
