//! How layers are compressed.

use snowbank_oci::archive::ArchiveDestination;
use snowbank_oci::compression::Compression;
use snowbank_oci::push::{Outcome, PushError};

use crate::scene::{How, Scene, outcomes, plan, recorded};

fn under(compression: Compression) -> How {
    How { compression: Some(compression), ..How::default() }
}

#[tokio::test]
async fn nothing_said_is_as_the_tag_has_it() {
    let scene = Scene::new();
    scene.push(&plan(&["a"]), &under(Compression::Gzip)).await;
    let report = scene.push(&plan(&["a", "b"]), &How::default()).await;
    assert_eq!(report.compression, Compression::Gzip);
    assert_eq!(scene.opened(), ["b"]);
}

#[tokio::test]
async fn what_is_said_counts() {
    let scene = Scene::new();
    scene.push(&plan(&["a"]), &under(Compression::Gzip)).await;
    let report = scene.push(&plan(&["a"]), &under(Compression::Zstd)).await;
    assert_eq!(outcomes(&report), [Outcome::Exists, Outcome::Uploaded]);
    assert_eq!(report.news[0].1.compression, Compression::Zstd);
}

#[tokio::test]
async fn what_the_destination_does_not_take_is_an_error() {
    let scene = Scene::new();
    let folder = tempfile::tempdir().unwrap();
    let archive = ArchiveDestination::create(&folder.path().join("a.tar"), None).await.unwrap();
    let error = scene.push_to(&archive, &plan(&["a"]), &under(Compression::Zstd)).await.unwrap_err();
    assert!(matches!(error, PushError::Compression { .. }), "{error}");
    assert_eq!(scene.opened(), Vec::<String>::new());
}

#[tokio::test]
async fn under_a_new_tag_it_is_as_records_have_it() {
    let scene = Scene::new();
    let first = scene.push(&plan(&["a"]), &under(Compression::Gzip)).await;
    let report = scene.push(&plan(&["a"]), &How { tag: "v2", ..recorded(&first) }).await;
    assert_eq!(outcomes(&report), [Outcome::Exists; 2]);
    assert_eq!(report.compression, Compression::Gzip);
}
