use std::fs;
use std::io::Read;
use std::path::Path;

use super::*;
use crate::compression::Compression;
use crate::destination::Destination;
use crate::digest::Digest;
use crate::samples::{Sample, check_dir, describe, skopeo};
use crate::spool::tests::{Broken, Bytes3};

async fn create(file: &Path, image: Option<&str>) -> ArchiveDestination {
    ArchiveDestination::create(file, image).await.unwrap()
}

fn listed(file: &Path) -> serde_json::Value {
    let mut archive = tar::Archive::new(fs::File::open(file).unwrap());
    let found =
        archive.entries().unwrap().map(Result::unwrap).find(|one| one.path_bytes() == &b"manifest.json"[..]);
    let mut text = String::new();
    found.unwrap().read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn skopeo_reads_what_was_put_and_finds_every_digest_right() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("image.tar");
    let archive = create(&file, Some("example.com/a/b")).await;
    assert_eq!(archive.compressions(), [Compression::None]);
    let sample = Sample::of(&[b"one", b"two", &[5; 100_000]]);
    sample.put_blobs(&archive).await;
    archive.put_manifest(&sample.manifest, "v1").await.unwrap();
    archive.put_manifest(&sample.manifest, "latest").await.unwrap();
    archive.finish().await.unwrap();
    for from in [
        format!("docker-archive:{}", file.display()),
        format!("docker-archive:{}:example.com/a/b:v1", file.display()),
    ] {
        let out = tempfile::tempdir().unwrap();
        skopeo(&["copy", &from, &format!("dir:{}", out.path().display())], home.path());
        check_dir(out.path(), &sample);
        let told = skopeo(&["inspect", &from], home.path()).stdout;
        let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(told["Layers"].as_array().unwrap().len(), 3);
        assert_eq!(told["Architecture"], "amd64");
    }
    assert_eq!(
        listed(&file)[0]["RepoTags"],
        serde_json::json!(["example.com/a/b:v1", "example.com/a/b:latest"])
    );
}

#[tokio::test]
async fn nothing_is_there_before_the_end() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("image.tar");
    fs::write(&file, "before").unwrap();
    let sample = Sample::of(&[b"one"]);
    let archive = create(&file, None).await;
    sample.put_blobs(&archive).await;
    archive.put_manifest(&sample.manifest, "a").await.unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"before");
    drop(archive);
    assert_eq!(fs::read(&file).unwrap(), b"before");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_blob_is_in_it_once_and_one_that_breaks_never() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("image.tar");
    let archive = create(&file, None).await;
    let sample = Sample::of(&[b"one"]);
    for _ in 0..2 {
        assert!(archive.put(&Broken(10_000)).await.is_err());
        sample.put_blobs(&archive).await;
    }
    let digest = Digest::of(&sample.config);
    assert_eq!(archive.has(&digest).await.unwrap(), Some(sample.config.len() as u64));
    archive.put_manifest(&sample.manifest, &sample.manifest.digest.to_string()).await.unwrap();
    archive.finish().await.unwrap();
    let mut tar = tar::Archive::new(fs::File::open(&file).unwrap());
    assert_eq!(tar.entries().unwrap().map(Result::unwrap).count(), 3);
    assert_eq!(listed(&file)[0]["RepoTags"], serde_json::json!([]));
    assert!(archive.put(&Bytes3(b"late".to_vec())).await.is_err());
}

#[tokio::test]
async fn many_are_put_at_once() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("image.tar");
    let archive = create(&file, None).await;
    let contents: Vec<_> = (0..16_u8).map(|number| vec![number; 2000]).collect();
    let sample = Sample::of(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let blobs: Vec<_> = sample.layers.iter().cloned().chain([sample.config.to_vec()]).map(Bytes3).collect();
    for put in futures::future::join_all(blobs.iter().map(|blob| archive.put(blob))).await {
        put.unwrap();
    }
    archive.put_manifest(&sample.manifest, "a").await.unwrap();
    archive.finish().await.unwrap();
    let out = home.path().join("out");
    let (from, to) = (format!("docker-archive:{}", file.display()), format!("dir:{}", out.display()));
    skopeo(&["copy", &from, &to], home.path());
    check_dir(&out, &sample);
}

#[tokio::test]
async fn what_it_cannot_hold_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("image.tar");
    let archive = create(&file, None).await;
    let sample = Sample::of(&[b"one"]);
    let error = archive.put_manifest(&sample.manifest, "a").await.unwrap_err();
    assert_eq!(error.missing.len(), 2);
    let subject = describe("a", b"");
    assert!(archive.put_referrer(&subject, &sample.manifest).await.unwrap_err().hint.is_some());
    assert!(archive.finish().await.is_err());
    assert!(!file.exists());
}
