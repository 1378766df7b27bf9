//! Pushes to where nothing is.

use snowbank_oci::push::Outcome;

use crate::scene::{How, NAME, Scene, outcomes, plan, recorded};

#[tokio::test]
async fn every_layer_is_sent() {
    let scene = Scene::new();
    let report = scene.push(&plan(&["a", "b"]), &How::default()).await;
    assert_eq!(outcomes(&report), [Outcome::Uploaded; 3]);
    assert_eq!(report.tagged, ["v1"]);
    assert_eq!(report.news.len(), 2);
    scene.check("v1", &report);
    assert_eq!(scene.uploads(), 4);
}

#[tokio::test]
async fn equal_layers_are_sent_once() {
    let scene = Scene::new();
    let report = scene.push(&plan(&["a", "b", "a"]), &How::default()).await;
    assert_eq!(report.layers[1].digest, report.layers[3].digest);
    scene.check("v1", &report);
    assert_eq!(scene.uploads(), 4);
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let scene = Scene::new();
    let how = How { dry_run: true, mounts: vec!["owner/other".to_owned()], ..How::default() };
    let report = scene.push(&plan(&["a"]), &how).await;
    assert_eq!(outcomes(&report), [Outcome::Missing; 2]);
    assert_eq!(report.manifest, None);
    assert_eq!(scene.changes(), Vec::<String>::new());
    assert_eq!(scene.opened(), Vec::<String>::new());
}

#[tokio::test]
async fn a_dry_run_tells_what_is_there() {
    let scene = Scene::new();
    let first = scene.push(&plan(&["a"]), &How::default()).await;
    let how = How { dry_run: true, ..recorded(&first) };
    let report = scene.push(&plan(&["a", "b"]), &how).await;
    assert_eq!(outcomes(&report), [Outcome::Exists, Outcome::Exists, Outcome::Missing]);
    assert_eq!(scene.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn all_tags_name_it() {
    let scene = Scene::new();
    let tags = ["v2", "v3"].map(str::to_owned).to_vec();
    let report = scene.push(&plan(&["a"]), &How { tags: Some(tags), ..How::default() }).await;
    assert_eq!(report.tagged, ["v1", "v2", "v3"]);
    for tag in &report.tagged {
        scene.check(tag, &report);
    }
}

#[tokio::test]
async fn only_tags_that_name_another_are_changed() {
    let scene = Scene::new();
    scene.push(&plan(&["a"]), &How::default()).await;
    let tags = ["v2", "v3"].map(str::to_owned).to_vec();
    scene.push(&plan(&["a"]), &How { tag: "v2", ..How::default() }).await;
    let report = scene.push(&plan(&["a"]), &How { tags: Some(tags), ..How::default() }).await;
    assert_eq!(report.tagged, ["v3"]);
}

#[tokio::test]
async fn an_image_without_tags_goes_under_its_digest() {
    let scene = Scene::new();
    let report = scene.push(&plan(&["a"]), &How { tags: None, ..How::default() }).await;
    let digest = report.manifest.unwrap().to_string();
    assert_eq!(report.tagged, [digest.as_str()]);
    scene.check(&digest, &report);
    assert_eq!(scene.stand_in.manifest(NAME, "v1"), None);
}
