//! Blobs of other repositories.

use snowbank_oci::push::{Outcome, Report};
use snowbank_testkit::registry::Mount;

use crate::scene::{How, NAME, Scene, outcomes, plan, recorded};

const OTHER: &str = "owner/other";

/// Pushes an image and moves its layers to another repository, with nothing left.
async fn moved(scene: &Scene) -> Report {
    let report = scene.push(&plan(&["a"]), &How::default()).await;
    for layer in &report.layers {
        let digest = layer.digest.unwrap().to_string();
        scene.stand_in.add_blob(OTHER, scene.stand_in.blob(NAME, &digest).unwrap());
        scene.stand_in.remove_blob(NAME, &digest);
    }
    report
}

fn from_other(report: &Report) -> How {
    How { tag: "v2", mounts: vec![OTHER.to_owned()], ..recorded(report) }
}

#[tokio::test]
async fn blobs_are_taken_over() {
    let scene = Scene::new();
    let first = moved(&scene).await;
    let report = scene.push(&plan(&["a"]), &from_other(&first)).await;
    assert_eq!(outcomes(&report), [Outcome::Mounted; 2]);
    assert_eq!(scene.uploads(), 0);
    assert_eq!(scene.opened(), Vec::<String>::new());
    scene.check("v2", &report);
}

#[tokio::test]
async fn what_is_not_taken_over_is_sent() {
    for mount in [Mount::Opens, Mount::Refuses(403)] {
        let scene = Scene::new();
        let first = moved(&scene).await;
        scene.stand_in.change(|modes| modes.mount = mount);
        let report = scene.push(&plan(&["a"]), &from_other(&first)).await;
        assert_eq!(outcomes(&report), [Outcome::Uploaded; 2]);
        scene.check("v2", &report);
    }
}
