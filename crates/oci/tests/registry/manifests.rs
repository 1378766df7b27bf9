use serde_json::{Value, json};
use snowbank_oci::descriptor::{Descriptor, media_type};
use snowbank_oci::destination::{Destination as _, Manifest};
use snowbank_oci::digest::Digest;
use snowbank_testkit::registry::{Garbage, Modes, StandIn};

use crate::repository;

const NAME: &str = "owner/image";

pub(crate) fn manifest(json: &Value) -> Manifest {
    let bytes = serde_json::to_vec(json).unwrap();
    let digest = Digest::of(&bytes);
    Manifest { media_type: media_type::MANIFEST.to_owned(), bytes: bytes.into(), digest }
}

pub(crate) fn image(config: &[u8], layers: &[(Digest, u64)]) -> Manifest {
    let layers: Vec<_> = layers
        .iter()
        .map(|(digest, size)| json!({"mediaType": media_type::LAYER, "digest": digest, "size": size}))
        .collect();
    let config = json!({"mediaType": media_type::CONFIG, "digest": Digest::of(config), "size": config.len()});
    manifest(
        &json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": layers}),
    )
}

#[tokio::test]
async fn a_manifest_comes_back_by_tag_and_digest() {
    for no_head in [false, true] {
        let stand_in = StandIn::start(Modes { no_head, ..Modes::default() });
        stand_in.add_blob(NAME, "{}");
        let repository = repository(&stand_in.host());
        let image = image(b"{}", &[]);
        repository.put_manifest(&image, "v1").await.unwrap();
        for reference in ["v1", &image.digest.to_string()] {
            assert_eq!(repository.manifest(reference).await.unwrap().as_ref(), Some(&image));
            let found = repository.resolve(reference).await.unwrap().unwrap();
            assert_eq!((found.digest, found.size), (image.digest, image.bytes.len() as u64));
            assert_eq!(found.media_type, image.media_type);
        }
        assert_eq!(repository.resolve("v2").await.unwrap(), None);
        assert_eq!(repository.manifest("v2").await.unwrap(), None);
    }
}

#[tokio::test]
async fn blobs_that_vanished_are_named_where_the_registry_does() {
    for no_detail in [false, true] {
        let stand_in = StandIn::start(Modes::default());
        let repository = repository(&stand_in.host());
        stand_in.add_blob(NAME, "{}");
        let layer = stand_in.add_blob(NAME, "layer");
        assert_eq!(repository.has(&Digest::of(b"layer")).await.unwrap(), Some(5));
        stand_in.change(|modes| (modes.vanishing, modes.no_detail) = (vec![layer], no_detail));
        let image = image(b"{}", &[(Digest::of(b"layer"), 5)]);
        let error = repository.put_manifest(&image, "v1").await.unwrap_err();
        assert!(error.refused_blobs);
        assert_eq!(error.missing, if no_detail { vec![] } else { vec![Digest::of(b"layer")] });
    }
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let stand_in = StandIn::start(Modes::default());
    stand_in.add_blob(NAME, "{}");
    let repository = repository(&stand_in.host());
    repository.put_manifest(&image(b"{}", &[]), "v1").await.unwrap();
    for garbage in [Garbage::OtherBytes, Garbage::LongBody, Garbage::LongHeaders] {
        stand_in.change(|modes| modes.garbage = Some(garbage));
        let error = repository.manifest("v1").await.unwrap_err();
        assert!(error.to_string().starts_with("cannot read the manifest v1"), "{garbage:?}: {error}");
        assert!(error.source.to_string().len() < 500);
    }
}

fn attached(name: &str, subject: &Manifest) -> Manifest {
    manifest(&json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "artifactType": name,
        "config": {"mediaType": media_type::EMPTY, "digest": Digest::of(b"{}"), "size": 2}, "layers": [],
        "subject": {"mediaType": media_type::MANIFEST, "digest": subject.digest, "size": subject.bytes.len()}}))
}

#[tokio::test]
async fn what_is_attached_is_found_by_the_registry_or_by_the_tag() {
    for referrers in [false, true] {
        let stand_in = StandIn::start(Modes { referrers, ..Modes::default() });
        stand_in.add_blob(NAME, "{}");
        let repository = repository(&stand_in.host());
        let image = image(b"{}", &[]);
        repository.put_manifest(&image, "v1").await.unwrap();
        let subject: Descriptor = repository.resolve("v1").await.unwrap().unwrap();
        for name in ["a/b", "c/d", "a/b"] {
            repository.put_referrer(&subject, &attached(name, &image)).await.unwrap();
        }
        let tag = stand_in.manifest(NAME, &format!("sha256-{}", image.digest.hex()));
        assert_eq!(tag.is_none(), referrers);
        if let Some((kind, bytes)) = tag {
            assert_eq!(kind, media_type::INDEX);
            let index: Value = serde_json::from_slice(&bytes).unwrap();
            let kinds: Vec<_> =
                index["manifests"].as_array().unwrap().iter().map(|one| &one["artifactType"]).collect();
            assert_eq!(kinds, ["a/b", "c/d"]);
        }
    }
}

#[tokio::test]
async fn where_the_question_leads_elsewhere_the_tag_tells() {
    let stand_in = StandIn::start(Modes { referrers_elsewhere: true, ..Modes::default() });
    stand_in.add_blob(NAME, "{}");
    let (repository, image) = (repository(&stand_in.host()), image(b"{}", &[]));
    repository.put_manifest(&image, "v1").await.unwrap();
    let subject: Descriptor = repository.resolve("v1").await.unwrap().unwrap();
    assert_eq!(repository.referrers(&subject.digest).await.unwrap(), []);
    repository.put_referrer(&subject, &attached("a/b", &image)).await.unwrap();
    assert_eq!(repository.referrers(&subject.digest).await.unwrap().len(), 1);
    assert!(stand_in.log().iter().all(|logged| !logged.elsewhere));
}

#[tokio::test]
async fn a_registry_that_takes_the_tag_for_the_digest_is_told_of() {
    let stand_in = StandIn::start(Modes { digests_for_tags: true, ..Modes::default() });
    stand_in.add_blob(NAME, "{}");
    let (repository, image) = (repository(&stand_in.host()), image(b"{}", &[]));
    repository.put_manifest(&image, "v1").await.unwrap();
    let subject: Descriptor = repository.resolve("v1").await.unwrap().unwrap();
    assert_eq!(repository.referrers(&subject.digest).await.unwrap(), []);
    repository.put_referrer(&subject, &attached("a/b", &image)).await.unwrap_err();
    assert_eq!(repository.resolve("v1").await.unwrap().unwrap().digest, image.digest);
}

#[tokio::test]
async fn tags_are_listed_where_the_registry_does() {
    let stand_in = StandIn::start(Modes::default());
    let repository = repository(&stand_in.host());
    assert_eq!(repository.tags().await, Vec::<String>::new());
    stand_in.add_blob(NAME, "{}");
    for tag in ["v2", "v1"] {
        repository.put_manifest(&image(b"{}", &[]), tag).await.unwrap();
    }
    assert_eq!(repository.tags().await, ["v1", "v2"]);
    stand_in.change(|modes| modes.no_list = true);
    assert_eq!(repository.tags().await, Vec::<String>::new());
}
