//! Images of several platforms.

use std::collections::BTreeMap;

use snowbank_oci::descriptor::{Descriptor, media_type};
use snowbank_oci::destination::{Destination as _, Manifest};
use snowbank_oci::digest::Digest;
use snowbank_oci::image::ImagePlan;
use snowbank_oci::push::{Outcome, Report, put_index};

use crate::scene::{How, NAME, Scene, outcomes, plan, platform};

fn image(architecture: &str) -> ImagePlan {
    ImagePlan { platform: platform(architecture), ..plan(&["a", architecture]) }
}

fn untagged() -> How {
    How { tags: None, ..How::default() }
}

fn described(architecture: &str, report: &Report) -> Descriptor {
    Descriptor {
        media_type: media_type::MANIFEST.to_owned(),
        digest: report.manifest.unwrap(),
        size: report.manifest_size,
        annotations: BTreeMap::new(),
        platform: Some(platform(architecture)),
        artifact_type: None,
    }
}

/// Pushes images and an index of them; gives the changes that each push made.
async fn push(scene: &Scene, architectures: &[&str]) -> Vec<String> {
    let (mut images, mut changes) = (Vec::new(), Vec::new());
    for architecture in architectures {
        let report = scene.push(&image(architecture), &untagged()).await;
        images.push(described(architecture, &report));
        changes.extend(scene.changes());
    }
    scene.stand_in.clear_log();
    put_index(images, &scene.repository(), &["v1".to_owned()]).await.unwrap();
    changes.extend(scene.changes());
    changes
}

#[tokio::test]
async fn pushed_again_nothing_is_sent() {
    let scene = Scene::new();
    assert!(!push(&scene, &["amd64", "arm64"]).await.is_empty());
    assert_eq!(push(&scene, &["amd64", "arm64"]).await, Vec::<String>::new());
    assert_eq!(scene.stand_in.manifest(NAME, "v1").unwrap().0, media_type::INDEX);
}

#[tokio::test]
async fn an_image_is_learned_through_the_index() {
    let scene = Scene::new();
    push(&scene, &["amd64", "arm64"]).await;
    let report = scene.push(&image("arm64"), &untagged()).await;
    assert_eq!(outcomes(&report), [Outcome::Exists; 3]);
    assert_eq!(scene.opened(), Vec::<String>::new());
}

#[tokio::test]
async fn an_index_of_other_platforms_is_pushed_over() {
    let scene = Scene::new();
    push(&scene, &["arm64"]).await;
    let report = scene.push(&image("amd64"), &How::default()).await;
    scene.check("v1", &report);
}

#[tokio::test]
async fn a_tag_that_names_an_index_with_the_image_is_changed_to_the_image() {
    let scene = Scene::new();
    push(&scene, &["amd64", "arm64"]).await;
    let report = scene.push(&image("amd64"), &How::default()).await;
    assert_eq!(report.tagged, ["v1"]);
    scene.check("v1", &report);
}

#[tokio::test]
async fn indexes_under_other_tags_take_no_more_requests_than_images() {
    let scene = Scene::new();
    push(&scene, &["amd64", "arm64"]).await;
    let (_, bytes) = scene.stand_in.manifest(NAME, "v1").unwrap();
    let (media_type, digest) = (media_type::INDEX.to_owned(), Digest::of(&bytes));
    let index = Manifest { media_type, bytes, digest };
    for tag in ["v2", "v3"] {
        scene.repository().put_manifest(&index, tag).await.unwrap();
    }
    let plan = ImagePlan { platform: platform("amd64"), ..plan(&["b"]) };
    scene.push(&plan, &How { tag: "new", ..How::default() }).await;
    // The tag that is not there, the list, and two for each of three.
    assert!(scene.stand_in.count("GET") <= 1 + 1 + 2 * 3);
}
