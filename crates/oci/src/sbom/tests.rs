use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;
use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};

use super::{Contents, Format, Image, write};
use crate::compression::Compression;
use crate::config::{History, ImageConfig, Timestamp};
use crate::descriptor::Platform;
use crate::digest::Digest;
use crate::image::{FileLayer, ImagePlan, LayerContent, PlannedLayer};
use crate::layer::{LayerPath, LayerSpec, PathOptions};

const BOTH: [Format; 2] = [Format::Spdx, Format::CycloneDx];

fn path(digit: char, name: &str) -> StorePath {
    format!("{}-{name}", digit.to_string().repeat(32)).parse().unwrap()
}

fn info(path: &StorePath, references: &[&StorePath]) -> PathInfo {
    PathInfo {
        path: path.clone(),
        nar_hash: NarHash::of(path.base_name().as_bytes()),
        nar_size: 120,
        references: references.iter().copied().cloned().collect(),
        deriver: None,
        signatures: BTreeSet::new(),
        ca: None,
    }
}

fn layer(content: LayerContent) -> PlannedLayer {
    PlannedLayer { name: String::new(), content, diff_id: None, stored: None, history: History::default() }
}

/// A layer for each path.
fn plan<'a>(paths: impl IntoIterator<Item = &'a StorePath>) -> ImagePlan {
    let spec = |path: &StorePath| LayerSpec {
        paths: vec![LayerPath {
            path: path.clone(),
            nar_hash: None,
            options: PathOptions::default(),
            part: None,
        }],
    };
    ImagePlan {
        config: ImageConfig::default(),
        layers: paths.into_iter().map(|path| layer(LayerContent::Paths(spec(path)))).collect(),
        platform: Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None },
        created: Some("2026-01-02T03:04:05.6+01:00".parse().unwrap()),
        annotations: BTreeMap::new(),
    }
}

fn image() -> Image {
    Image { repository: Some("localhost:5000/owner/app".to_owned()), manifest: Digest::of(b"manifest") }
}

/// A tool, what it needs, and a path of which nothing is known, above a layer that is a file.
fn sample() -> Contents {
    let (tool, library, data) = (path('1', "tool-3.1"), path('0', "gtk+3-3.24-libgcc"), path('2', "source"));
    let mut plan = plan([&tool, &library, &data, &library]);
    plan.layers.push(layer(LayerContent::File(FileLayer {
        path: path('3', "base"),
        inside: "layer".into(),
        media_type: Compression::Gzip.media_type().to_owned(),
    })));
    let infos = [
        info(&tool, &[&library, &tool, &path('4', "not-in-the-image")]),
        PathInfo { deriver: Some(path('5', "gtk+3-3.24.drv")), nar_size: 0, ..info(&library, &[]) },
    ];
    Contents::of(&plan, &infos.map(|info| (info.path.clone(), info)).into(), &StoreDir::default())
}

fn json(format: Format, contents: &Contents, image: &Image) -> Value {
    serde_json::from_slice(&write(format, contents, image).unwrap()).unwrap()
}

fn pretty(format: Format) -> String {
    serde_json::to_string_pretty(&json(format, &sample(), &image())).unwrap()
}

#[test]
fn spdx_is_as_it_was() {
    insta::assert_snapshot!(pretty(Format::Spdx));
}

#[test]
fn cyclonedx_is_as_it_was() {
    insta::assert_snapshot!(pretty(Format::CycloneDx));
}

#[test]
fn the_same_makes_the_same_and_other_things_have_other_names() {
    let (tool, library) = (path('1', "tool-3.1"), path('0', "library"));
    let all: BTreeMap<_, _> =
        [info(&tool, &[&library]), info(&library, &[])].map(|info| (info.path.clone(), info)).into();
    let dir = StoreDir::default();
    let known = Contents::of(&plan([&tool, &library]), &all, &dir);
    // How paths lie in layers changes the manifest, and by itself nothing here.
    let turned = Contents::of(&plan([&library, &tool]), &all, &dir);
    let less = Contents::of(&plan([&tool, &library]), &BTreeMap::new(), &dir);
    let other = Image { manifest: Digest::of(b"other"), ..image() };
    for (format, name) in [(Format::Spdx, "documentNamespace"), (Format::CycloneDx, "serialNumber")] {
        assert_eq!(write(format, &known, &image()).unwrap(), write(format, &turned, &image()).unwrap());
        let names: BTreeSet<_> = [(&known, image()), (&less, image()), (&known, other.clone())]
            .iter()
            .map(|(contents, image)| json(format, contents, image)[name].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names.len(), 3);
    }
}

#[test]
fn gaps_are_told() {
    assert_eq!((sample().paths(), sample().unknown(), sample().files()), (3, 1, 1));
    assert!(sample().gaps().unwrap().contains("; of one store path"));
    let paths = [path('0', "a"), path('1', "b")];
    let nothing = Contents::of(&plan(&paths), &BTreeMap::new(), &StoreDir::default());
    assert!(nothing.gaps().unwrap().starts_with("of 2 store paths"));
    let infos = paths.each_ref().map(|path| (path.clone(), info(path, &[]))).into();
    let all = Contents::of(&plan(&paths), &infos, &StoreDir::default());
    assert_eq!(all.gaps(), None);
    let bom = json(Format::CycloneDx, &all, &image());
    assert_eq!(bom["compositions"][0]["aggregate"], "complete");
}

#[test]
fn a_folder_does_not_get_into_it() {
    let image = Image { repository: None, ..image() };
    let bom = json(Format::CycloneDx, &sample(), &image);
    let component = &bom["metadata"]["component"];
    assert_eq!(
        (component["name"].as_str(), component.get("purl")),
        (Some(&*image.manifest.to_string()), None)
    );
}

#[test]
fn the_time_is_that_of_the_image_or_of_the_store() {
    let mut plan = plan([&path('0', "a")]);
    for (created, wanted) in
        [(None, "1970-01-01T00:00:01Z"), (Some("2001-01-01T00:00:00.5Z"), "2001-01-01T00:00:00Z")]
    {
        plan.created = created.map(|text: &str| text.parse::<Timestamp>().unwrap());
        let contents = Contents::of(&plan, &BTreeMap::new(), &StoreDir::default());
        assert_eq!(json(Format::Spdx, &contents, &image())["creationInfo"]["created"], wanted);
    }
}

/// Paths, of which some have infos, some refer to each other or to others, and some have the same hash.
fn closures() -> impl Strategy<Value = (Vec<StorePath>, BTreeMap<StorePath, PathInfo>)> {
    let paths = || {
        "[0-3]{1}"
            .prop_flat_map(|digit| "[a-zA-Z0-9+._?=-]{1,12}".prop_map(move |name| (digit.clone(), name)))
    };
    let paths = move || {
        paths().prop_filter_map("a name", |(digit, name)| {
            format!("{}-{name}", digit.repeat(32)).parse::<StorePath>().ok()
        })
    };
    let infos = btree_map(paths(), (vec(paths(), 0..4), any::<u64>(), any::<bool>()), 0..8);
    (infos, vec(paths(), 0..4)).prop_map(|(infos, more)| {
        let listed = infos.keys().cloned().chain(more).collect::<Vec<_>>();
        let infos = infos.into_iter().map(|(path, (mut references, nar_size, derived))| {
            references.extend(listed.iter().take(2).cloned());
            let deriver = derived.then(|| format!("{}.drv", path.base_name()).parse().ok()).flatten();
            let info = PathInfo { nar_size, deriver, ..info(&path, &references.iter().collect::<Vec<_>>()) };
            (path, info)
        });
        let infos = infos.collect();
        (listed, infos)
    })
}

fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap()).collect()
}

fn unique(texts: &[&str]) -> bool {
    texts.iter().collect::<BTreeSet<_>>().len() == texts.len()
}

proptest! {
    #[test]
    fn any_closure_makes_sound_documents((listed, infos) in closures()) {
        let contents = Contents::of(&plan(&listed), &infos, &StoreDir::default());
        let different = listed.iter().collect::<BTreeSet<_>>().len();
        for format in BOTH {
            prop_assert_eq!(write(format, &contents, &image()).unwrap(), write(format, &contents, &image()).unwrap());
        }

        let spdx = json(Format::Spdx, &contents, &image());
        let mut ids = texts(&spdx["packages"], "SPDXID");
        prop_assert_eq!(ids.len(), different + 1);
        ids.push(spdx["SPDXID"].as_str().unwrap());
        prop_assert!(unique(&ids));
        for id in &ids {
            let rest = id.strip_prefix("SPDXRef-").unwrap();
            prop_assert!(rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)));
        }
        for end in ["spdxElementId", "relatedSpdxElement"] {
            prop_assert!(texts(&spdx["relationships"], end).iter().all(|id| ids.contains(id)));
        }

        let bom = json(Format::CycloneDx, &contents, &image());
        let mut refs = texts(&bom["components"], "bom-ref");
        prop_assert_eq!(refs.len(), different);
        refs.push(bom["metadata"]["component"]["bom-ref"].as_str().unwrap());
        prop_assert!(unique(&refs));
        let of = texts(&bom["dependencies"], "ref");
        prop_assert!(unique(&of) && of.iter().all(|one| refs.contains(one)));
        for dependency in bom["dependencies"].as_array().unwrap() {
            let on: Vec<_> = dependency["dependsOn"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
            prop_assert!(unique(&on) && on.iter().all(|one| refs.contains(one)));
            prop_assert!(!on.contains(&dependency["ref"].as_str().unwrap()));
        }
    }
}
