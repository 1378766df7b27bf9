use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::descriptor::{Descriptor, media_type};
use crate::destination::{Blob, Destination, Mounted};
use crate::digest::Digest;
use crate::manifest::{ImageManifest, Index};
use crate::samples::{Sample, check_dir, describe, skopeo};
use crate::spool::tests::{Broken, Bytes3};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn open(dir: &Path) -> LayoutDestination {
    LayoutDestination::open(dir).await.unwrap()
}

#[tokio::test]
async fn skopeo_reads_what_was_put_and_finds_every_digest_right() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("image");
    let layout = open(&dir).await;
    let samples = [Sample::of(&[b"one", b"two"]), Sample::of(&[b"one", b"three"])];
    for (sample, tag) in samples.iter().zip(["a", "b"]) {
        sample.put_blobs(&layout).await;
        layout.put_manifest(&sample.manifest, tag).await.unwrap();
    }
    layout.finish().await.unwrap();
    for (sample, tag) in samples.iter().zip(["a", "b"]) {
        let from = format!("oci:{}:{tag}", dir.display());
        let out = home.path().join(format!("out-{tag}"));
        skopeo(&["copy", "--preserve-digests", &from, &format!("dir:{}", out.display())], home.path());
        check_dir(&out, sample);
        assert_eq!(fs::read(out.join("manifest.json")).unwrap(), sample.manifest.bytes);
        let raw = skopeo(&["inspect", "--raw", &from], home.path()).stdout;
        assert_eq!(raw, sample.manifest.bytes);
    }
}

#[tokio::test]
async fn what_was_put_is_found_again() {
    let home = tempfile::tempdir().unwrap();
    let sample = Sample::of(&[b"one"]);
    let layout = open(home.path()).await;
    assert_eq!(layout.manifest("a").await.unwrap(), None);
    assert_eq!(layout.has(&sample.manifest.digest).await.unwrap(), None);
    sample.put_blobs(&layout).await;
    layout.put_manifest(&sample.manifest, "a").await.unwrap();
    drop(layout);
    let layout = open(home.path()).await;
    let digest = sample.manifest.digest.to_string();
    for reference in ["a", &digest] {
        assert_eq!(layout.manifest(reference).await.unwrap().as_ref(), Some(&sample.manifest));
        assert_eq!(layout.resolve(reference).await.unwrap().unwrap().digest, sample.manifest.digest);
    }
    let layer = Digest::of(&sample.layers[0]);
    let file = home.path().join("blobs/sha256").join(layer.hex());
    let plain = home.path().join("plain");
    fs::write(&plain, "").unwrap();
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode(&file), mode(&plain), "others may read it as they may read any file");
    assert_eq!(layout.has(&layer).await.unwrap(), Some(sample.layers[0].len() as u64));
    assert_eq!(layout.blob(&layer, 1 << 20).await.unwrap().unwrap(), sample.layers[0]);
    assert!(layout.blob(&layer, 10).await.is_err());
    assert_eq!(layout.mount(&layer, "a").await.unwrap(), Mounted::No);
    fs::write(file, "damage").unwrap();
    assert!(layout.blob(&layer, 1 << 20).await.is_err());
}

#[tokio::test]
async fn a_manifest_without_its_blobs_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let layout = open(home.path()).await;
    let sample = Sample::of(&[b"one"]);
    layout.put(&Bytes3(sample.config.to_vec())).await.unwrap();
    let error = layout.put_manifest(&sample.manifest, "a").await.unwrap_err();
    assert_eq!(error.missing, [Digest::of(&sample.layers[0])]);
    assert_eq!(layout.resolve("a").await.unwrap(), None);
}

#[tokio::test]
async fn a_blob_that_breaks_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let layout = open(home.path()).await;
    assert!(layout.put(&Broken(5)).await.is_err());
    assert_eq!(names(&home.path().join("blobs/sha256")), Vec::<String>::new());
}

#[tokio::test]
async fn leftovers_go_once_nobody_writes() {
    let home = tempfile::tempdir().unwrap();
    let other = open(home.path()).await;
    let left = home.path().join("blobs/sha256/.snowbank-layout-left");
    fs::write(&left, "half").unwrap();
    fs::write(home.path().join(".snowbank-layout-left"), "half").unwrap();
    let layout = open(home.path()).await;
    assert!(left.exists(), "the other may be writing it");
    drop((other, layout));
    open(home.path()).await;
    assert!(!left.exists());
    assert_eq!(names(home.path()), [".snowbank.lock", "blobs", "oci-layout"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_lose_no_tag() {
    let home = tempfile::tempdir().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let dir = home.path().to_owned();
        tasks.spawn(async move {
            let layout = open(&dir).await;
            let sample = Sample::of(&[b"shared", &[number]]);
            sample.put_blobs(&layout).await;
            layout.put_manifest(&sample.manifest, &format!("tag-{number}")).await.unwrap();
            sample.manifest.digest
        });
    }
    tasks.join_all().await;
    let layout = open(home.path()).await;
    for number in 0..8 {
        let sample = Sample::of(&[b"shared", &[number]]);
        let found = layout.resolve(&format!("tag-{number}")).await.unwrap().unwrap();
        assert_eq!(found.digest, sample.manifest.digest);
    }
}

#[tokio::test]
async fn an_index_of_platforms_is_one_tag() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("image");
    let layout = open(&dir).await;
    let sample = Sample::of(&[b"one"]);
    sample.put_blobs(&layout).await;
    layout.put_manifest(&sample.manifest, &sample.manifest.digest.to_string()).await.unwrap();
    let platform = crate::descriptor::Platform {
        architecture: "amd64".to_owned(),
        os: "linux".to_owned(),
        variant: None,
    };
    let child = describe(media_type::MANIFEST, &sample.manifest.bytes);
    let index = Index {
        media_type: media_type::INDEX.to_owned(),
        artifact_type: None,
        manifests: vec![Descriptor { platform: Some(platform), ..child }],
        subject: None,
        annotations: std::collections::BTreeMap::new(),
    };
    layout.put_manifest(&index.to_manifest().unwrap(), "all").await.unwrap();
    let out = home.path().join("out");
    let from = format!("oci:{}:all", dir.display());
    let to = format!("dir:{}", out.display());
    skopeo(&["--override-arch", "amd64", "--override-os", "linux", "copy", &from, &to], home.path());
    check_dir(&out, &sample);
}

#[tokio::test]
async fn a_referrer_is_listed_without_a_tag() {
    let home = tempfile::tempdir().unwrap();
    let layout = open(home.path()).await;
    let sample = Sample::of(&[b"one"]);
    sample.put_blobs(&layout).await;
    layout.put_manifest(&sample.manifest, "a").await.unwrap();
    layout.put(&Bytes3(b"{}".to_vec())).await.unwrap();
    let subject = describe(media_type::MANIFEST, &sample.manifest.bytes);
    let attached = ImageManifest {
        media_type: media_type::MANIFEST.to_owned(),
        artifact_type: Some("application/spdx+json".to_owned()),
        config: describe(media_type::EMPTY, b"{}"),
        layers: vec![describe("application/spdx+json", b"{}")],
        subject: Some(subject.clone()),
        annotations: std::collections::BTreeMap::new(),
    };
    for _ in 0..2 {
        layout.put_referrer(&subject, &attached.to_manifest().unwrap()).await.unwrap();
    }
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(home.path().join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(index["manifests"][1]["artifactType"], "application/spdx+json");
}

#[tokio::test]
async fn a_layout_of_another_version_is_refused() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert!(LayoutDestination::open(home.path()).await.is_err());
}

#[test]
fn a_test_blob_can_be_made_from_the_middle() {
    let pieces = Bytes3(vec![1, 2, 3, 4]).open(3);
    assert_eq!(futures::executor::block_on(futures::StreamExt::count(pieces)), 2);
}
