//! What other tags of the repository teach of a new one.

use snowbank_oci::compression::Compression;
use snowbank_oci::descriptor::media_type;
use snowbank_oci::destination::{Destination as _, Manifest};
use snowbank_oci::digest::Digest;
use snowbank_oci::push::Outcome;

use crate::scene::{How, Scene, outcomes, plan, recorded, tagged};

const LIST: &str = "/v2/owner/image/tags/list";

/// The manifests that the last push read, by what they were asked by.
fn read(scene: &Scene) -> Vec<String> {
    let manifest = |path: String| path.strip_prefix("/v2/owner/image/manifests/").map(str::to_owned);
    let reads = scene.log().into_iter().filter(|logged| logged.method == "GET");
    reads.filter_map(|logged| manifest(logged.path)).collect()
}

#[tokio::test]
async fn layers_are_learned_from_another_tag() {
    let scene = Scene::new();
    scene.push(&plan(&["a", "b"]), &tagged("main")).await;
    let report = scene.push(&plan(&["a", "c"]), &tagged("pr-7")).await;
    assert_eq!(outcomes(&report), [Outcome::Exists, Outcome::Exists, Outcome::Uploaded]);
    assert_eq!(scene.opened(), ["c"]);
    // Its layers count as there: all that is asked for is the config.
    assert!(scene.stand_in.count("HEAD") <= 1);
    scene.check("pr-7", &report);
}

#[tokio::test]
async fn an_image_that_tells_of_all_is_the_last_one_read() {
    let scene = Scene::new();
    scene.push(&plan(&["a"]), &tagged("v1")).await;
    scene.push(&plan(&["b"]), &tagged("main")).await;
    scene.push(&plan(&["c"]), &tagged("latest")).await;
    scene.push(&plan(&["b"]), &tagged("new")).await;
    assert_eq!(read(&scene), ["new", "latest", "main"]);
    assert_eq!(scene.opened(), Vec::<String>::new());
}

#[tokio::test]
async fn the_last_of_the_list_are_read_and_no_more_than_three() {
    let scene = Scene::new();
    for (tag, name) in [("v1", "a"), ("v2", "b"), ("v3", "c"), ("latest", "d")] {
        scene.push(&plan(&[name]), &tagged(tag)).await;
    }
    let report = scene.push(&plan(&["a"]), &tagged("new")).await;
    assert_eq!(read(&scene), ["new", "latest", "v3", "v2"]);
    scene.check("new", &report);
}

#[tokio::test]
async fn what_is_attached_to_images_is_not_read() {
    let scene = Scene::new();
    scene.push(&plan(&["b"]), &tagged("sha256-abc")).await;
    scene.push(&plan(&["a"]), &tagged("sha256-abc.sig")).await;
    scene.push(&plan(&["a"]), &tagged("new")).await;
    assert_eq!(read(&scene), ["new"]);
}

#[tokio::test]
async fn they_are_not_listed_where_the_tag_is_there() {
    let scene = Scene::new();
    scene.push(&plan(&["a"]), &tagged("main")).await;
    scene.push(&plan(&["b"]), &tagged("main")).await;
    assert!(scene.log().iter().all(|logged| logged.path != LIST));
}

#[tokio::test]
async fn they_are_not_listed_where_records_tell_of_all() {
    let scene = Scene::new();
    let first = scene.push(&plan(&["a"]), &tagged("main")).await;
    scene.push(&plan(&["a"]), &How { tag: "new", ..recorded(&first) }).await;
    assert!(scene.log().iter().all(|logged| logged.path != LIST));
}

#[tokio::test]
async fn where_they_are_not_told_it_is_pushed_all_the_same() {
    let scene = Scene::new();
    scene.push(&plan(&["a"]), &tagged("main")).await;
    scene.stand_in.change(|modes| modes.no_list = true);
    let report = scene.push(&plan(&["a"]), &tagged("new")).await;
    assert_eq!(outcomes(&report), [Outcome::Exists, Outcome::Uploaded]);
    scene.check("new", &report);
}

#[tokio::test]
async fn a_tag_that_teaches_nothing_is_passed_over() {
    let scene = Scene::new();
    scene.push(&plan(&["a"]), &tagged("main")).await;
    let bytes = br#"{"layers":7}"#;
    let (media_type, digest) = (media_type::MANIFEST.to_owned(), Digest::of(bytes));
    let garbage = Manifest { media_type, bytes: bytes[..].into(), digest };
    scene.repository().put_manifest(&garbage, "latest").await.unwrap();
    let report = scene.push(&plan(&["a"]), &tagged("new")).await;
    assert_eq!(outcomes(&report), [Outcome::Exists; 2]);
}

#[tokio::test]
async fn layers_are_compressed_as_the_first_image_has_them() {
    let scene = Scene::new();
    for (tag, name, one) in [("latest", "a", Compression::Gzip), ("main", "b", Compression::Zstd)] {
        scene.push(&plan(&[name]), &How { compression: Some(one), ..tagged(tag) }).await;
    }
    let report = scene.push(&plan(&["c"]), &tagged("new")).await;
    assert_eq!(report.compression, Compression::Gzip);
}
