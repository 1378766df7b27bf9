//! Blobs that vanish while an image is pushed.

use snowbank_oci::push::PushError;

use crate::scene::{How, NAME, Scene, plan, recorded};

#[tokio::test]
async fn blobs_that_vanished_are_sent_and_the_manifest_put_again() {
    for no_detail in [false, true] {
        let scene = Scene::new();
        let plan = plan(&["a", "b"]);
        let first = scene.push(&plan, &How::default()).await;
        let gone = vec![first.layers[1].digest.unwrap().to_string()];
        scene.stand_in.change(|modes| (modes.vanishing, modes.no_detail) = (gone, no_detail));
        let report = scene.push(&plan, &How { tag: "v2", ..recorded(&first) }).await;
        assert_eq!(scene.opened(), ["a"]);
        scene.check("v2", &report);
    }
}

#[tokio::test]
async fn a_config_that_vanished_is_sent_again() {
    let scene = Scene::new();
    let plan = plan(&["a"]);
    let first = scene.push(&plan, &How::default()).await;
    let (_, bytes) = scene.stand_in.manifest(NAME, "v1").unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let gone = vec![json["config"]["digest"].as_str().unwrap().to_owned()];
    scene.stand_in.change(|modes| modes.vanishing = gone);
    let report = scene.push(&plan, &How { tag: "v2", ..recorded(&first) }).await;
    assert_eq!(scene.uploads(), 1);
    assert_eq!(scene.opened(), Vec::<String>::new());
    scene.check("v2", &report);
}

#[tokio::test]
async fn a_registry_that_loses_all_is_given_up() {
    let scene = Scene::new();
    let plan = plan(&["a"]);
    scene.stand_in.change(|modes| modes.loses = true);
    let error = scene.try_push(&plan, &How::default()).await.unwrap_err();
    assert!(matches!(error, PushError::Vanishing(_)), "{error}");
    assert_eq!(scene.stand_in.manifest(NAME, "v1"), None);
}
