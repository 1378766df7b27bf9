//! Lists of what is in an image, attached to what was pushed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};
use snowbank_oci::descriptor::Descriptor;
use snowbank_oci::destination::Destination;
use snowbank_oci::layout::LayoutDestination;
use snowbank_oci::push::Outcome;
use snowbank_oci::sbom::{Attached, Contents, Format, KNOWN, attach};

use crate::nars::{hash, path};
use crate::scene::{How, NAME, Scene, plan};

const BOTH: [Format; 2] = [Format::Spdx, Format::CycloneDx];

fn infos(names: &[&str]) -> BTreeMap<StorePath, PathInfo> {
    let info = |name: &&str| PathInfo {
        path: path(name),
        nar_hash: hash(name),
        nar_size: 1,
        references: BTreeSet::new(),
        deriver: None,
        signatures: BTreeSet::new(),
        ca: None,
    };
    names.iter().map(|name| (path(name), info(name))).collect()
}

fn contents(infos: &BTreeMap<StorePath, PathInfo>) -> Arc<Contents> {
    Arc::new(Contents::of(&plan(&["a", "b"]), infos, &StoreDir::default()))
}

fn all() -> Arc<Contents> {
    contents(&infos(&["a", "b"]))
}

/// Attaches to what the tag `v1` names.
async fn attached(to: &dyn Destination, contents: &Arc<Contents>, formats: &[Format]) -> Vec<Attached> {
    let subject = to.resolve("v1").await.unwrap().unwrap();
    attach(to, &subject, Some("localhost/owner/image".to_owned()), contents, formats).await.unwrap()
}

fn outcomes(attached: &[Attached]) -> Vec<Outcome> {
    attached.iter().map(|one| one.outcome).collect()
}

async fn listed(to: &dyn Destination) -> Vec<Descriptor> {
    let subject = to.resolve("v1").await.unwrap().unwrap();
    to.referrers(&subject.digest).await.unwrap()
}

async fn pushed(referrers: bool) -> Scene {
    let scene = Scene::new();
    scene.stand_in.change(|modes| modes.referrers = referrers);
    scene.push(&plan(&["a", "b"]), &How::default()).await;
    scene
}

#[tokio::test]
async fn both_are_found_from_the_image_and_say_what_they_are_of() {
    for referrers in [false, true] {
        let scene = pushed(referrers).await;
        let repository = scene.repository();
        let done = attached(&repository, &all(), &BOTH).await;
        assert_eq!(outcomes(&done), [Outcome::Uploaded; 2]);
        let found = listed(&repository).await;
        for (format, done) in BOTH.iter().zip(&done) {
            let one = found.iter().find(|one| Some(one.digest) == done.digest).unwrap();
            assert_eq!(one.artifact_type.as_deref(), Some(format.media_type()));
            assert_eq!((Some(one.size), &*one.annotations[KNOWN]), (done.size, "all"));
            let (_, bytes) = scene.stand_in.manifest(NAME, &one.digest.to_string()).unwrap();
            let manifest: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(manifest["layers"][0]["mediaType"], format.media_type());
            let subject = repository.resolve("v1").await.unwrap().unwrap();
            assert_eq!(manifest["subject"]["digest"], subject.digest.to_string());
            let document = manifest["layers"][0]["digest"].as_str().unwrap();
            let document = scene.stand_in.blob(NAME, document).unwrap();
            assert!(String::from_utf8_lossy(&document).contains(&subject.digest.to_string()));
        }
        let tag = format!("sha256-{}", repository.resolve("v1").await.unwrap().unwrap().digest.hex());
        assert_eq!(scene.stand_in.manifest(NAME, &tag).is_none(), referrers);
    }
}

#[tokio::test]
async fn what_is_attached_costs_one_question_or_two() {
    for (referrers, questions) in [(false, 2), (true, 1)] {
        let scene = pushed(referrers).await;
        let first = attached(&scene.repository(), &all(), &BOTH).await;
        let subject = scene.repository().resolve("v1").await.unwrap().unwrap();
        scene.stand_in.clear_log();
        let name = Some("localhost/owner/image".to_owned());
        let again = attach(&scene.repository(), &subject, name, &all(), &BOTH).await.unwrap();
        assert_eq!((scene.log().len(), scene.changes()), (questions, vec![]));
        assert_eq!(outcomes(&again), [Outcome::Exists; 2]);
        let same = |one: &Attached| (one.digest, one.size);
        assert_eq!(again.iter().map(same).collect::<Vec<_>>(), first.iter().map(same).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_machine_that_knows_less_or_other_things_adds_nothing() {
    let scene = pushed(false).await;
    let less = contents(&infos(&["a"]));
    assert_eq!(outcomes(&attached(&scene.repository(), &less, &BOTH[..1]).await), [Outcome::Uploaded]);
    let nothing = contents(&BTreeMap::new());
    assert_eq!(outcomes(&attached(&scene.repository(), &nothing, &BOTH[..1]).await), [Outcome::Exists]);
    assert_eq!(outcomes(&attached(&scene.repository(), &all(), &BOTH[..1]).await), [Outcome::Uploaded]);
    let mut others = infos(&["a", "b"]);
    others.values_mut().for_each(|info| info.nar_size += 1);
    for contents in [less, contents(&others)] {
        assert_eq!(outcomes(&attached(&scene.repository(), &contents, &BOTH[..1]).await), [Outcome::Exists]);
    }
    assert_eq!(listed(&scene.repository()).await.len(), 2);
}

#[tokio::test]
async fn what_was_cut_off_before_it_was_listed_is_listed_the_next_time() {
    let scene = pushed(true).await;
    attached(&scene.repository(), &all(), &BOTH[..1]).await;
    // The manifest is there, and now nothing leads to it.
    scene.stand_in.change(|modes| modes.referrers = false);
    assert_eq!(listed(&scene.repository()).await, []);
    scene.stand_in.clear_log();
    assert_eq!(outcomes(&attached(&scene.repository(), &all(), &BOTH[..1]).await), [Outcome::Uploaded]);
    assert_eq!(listed(&scene.repository()).await.len(), 1);
    assert_eq!(scene.uploads(), 0, "its blobs were there");
}

#[tokio::test]
async fn a_folder_keeps_it_once() {
    let (scene, home) = (Scene::new(), tempfile::tempdir().unwrap());
    let layout = LayoutDestination::open(home.path()).await.unwrap();
    scene.push_to(&layout, &plan(&["a", "b"]), &How::default()).await.unwrap();
    for outcome in [Outcome::Uploaded, Outcome::Exists] {
        assert_eq!(outcomes(&attached(&layout, &all(), &BOTH).await), [outcome; 2]);
        let index = std::fs::read(home.path().join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        assert_eq!(index["manifests"].as_array().unwrap().len(), 3);
    }
    assert_eq!(listed(&layout).await.len(), 2);
    let nothing = layout.referrers(&listed(&layout).await[0].digest).await.unwrap();
    assert_eq!(nothing, []);
}
