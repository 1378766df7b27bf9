//! Images that were pushed, by this library and by skopeo, are looked at in registries.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::dump;
use snowbank_nix::store_path::{StoreDir, StorePath};
use snowbank_oci::compression::Compression;
use snowbank_oci::config::{ImageConfig, Timestamp};
use snowbank_oci::descriptor::{Descriptor, Platform, media_type};
use snowbank_oci::destination::{Destination, Manifest};
use snowbank_oci::digest::Digest;
use snowbank_oci::image::{ImagePlan, LayerContent, PlannedLayer, history_of};
use snowbank_oci::inspect::{InspectError, diff, shared, view};
use snowbank_oci::layer::{LayerPath, LayerSpec, PathOptions};
use snowbank_oci::push::{LayerReport, Push, PushObserver, put_index};
use snowbank_oci::registry::{Access, Registry, RegistryOptions, Repository};
use snowbank_oci::tree::{NarTree, Tree, TreeError, Trees};
use snowbank_testkit::docker_registry::{self, DockerRegistry};
use snowbank_testkit::registry::{Modes, StandIn};
use snowbank_testkit::tools;

fn repository(host: &str) -> Repository {
    let reference = format!("{host}/owner/image").parse().unwrap();
    Registry::new(&reference, RegistryOptions::default()).unwrap().repository(Access::Push, &[])
}

fn platform(architecture: &str) -> Platform {
    Platform { architecture: architecture.to_owned(), os: "linux".to_owned(), variant: None }
}

/// Store paths that are files with their names as content.
struct Names;

fn nar(path: &StorePath) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, path.base_name()).unwrap();
    dump(&file, Vec::new()).unwrap()
}

impl Trees for Names {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        let nar = nar(path);
        let (hash, size) = (NarHash::of(&nar), nar.len() as u64);
        Ok(Box::new(NarTree::new(path.clone(), Cursor::new(nar), hash, size)))
    }
}

/// Nobody.
struct Silent;

impl PushObserver for Silent {
    fn layer(&self, _: &LayerReport) {}
    fn sent(&self, _: u64) {}
    fn warning(&self, _: &str) {}
}

fn path(letter: char, name: &str) -> StorePath {
    format!("{}-{name}", letter.to_string().repeat(32)).parse().unwrap()
}

fn layer(name: &str, paths: &[StorePath]) -> PlannedLayer {
    let path = |path: &StorePath| LayerPath {
        path: path.clone(),
        nar_hash: Some(NarHash::of(&nar(path))),
        options: PathOptions::default(),
        part: None,
    };
    let spec = LayerSpec { paths: paths.iter().map(path).collect() };
    PlannedLayer {
        name: name.to_owned(),
        history: history_of(&spec, &Timestamp::of_store()),
        content: LayerContent::Paths(spec),
        diff_id: None,
        stored: None,
    }
}

/// Pushes an image of these layers; says what its manifest is.
async fn push(to: &Repository, tag: &str, layers: Vec<PlannedLayer>) -> Digest {
    let plan = ImagePlan {
        config: ImageConfig::default(),
        layers,
        platform: platform("amd64"),
        created: Some(Timestamp::of_store()),
        annotations: BTreeMap::new(),
    };
    let (trees, observer): (Arc<dyn Trees>, Arc<dyn PushObserver>) = (Arc::new(Names), Arc::new(Silent));
    let push = Push {
        plan: &plan,
        destination: to,
        tag,
        tags: Some(&[]),
        dir: &StoreDir::default(),
        trees: &trees,
        records: &HashMap::new(),
        compression: None,
        mounts: &[],
        verify: false,
        dry_run: false,
        threads: NonZero::<usize>::MIN,
        observer: &observer,
    };
    Box::pin(push.run()).await.unwrap().manifest.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_images_tell_what_is_in_them_and_how_they_differ() {
    let stand_in = StandIn::start(Modes::default());
    let to = repository(&stand_in.host());
    let glibc = path('a', "glibc-2.38");
    let (old, new) = (path('b', "pillow-1.0"), path('c', "pillow-2.0"));
    let base = || layer("the base", std::slice::from_ref(&glibc));
    // So many that the config does not name all, and the list is compressed.
    let many: Vec<StorePath> = (0..200).map(|at| path('d', &format!("small-{at:03}"))).collect();
    push(&to, "1", vec![base(), layer("small", &many), layer("pillow", std::slice::from_ref(&old))]).await;
    let pushed =
        push(&to, "2", vec![base(), layer("small", &many), layer("pillow", std::slice::from_ref(&new))])
            .await;

    let one = view(&to, "1", &platform("arm64")).await.unwrap();
    let two = view(&to, &pushed.to_string(), &platform("arm64")).await.unwrap();
    assert_eq!(one.name, format!("{}/owner/image:1", stand_in.host()));
    assert_eq!((&two.name, two.digest), (&format!("{}/owner/image@{pushed}", stand_in.host()), pushed));
    assert_eq!(one.platform, platform("amd64"));
    assert_eq!(
        one.layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(),
        ["the base", "small", "pillow"]
    );
    assert!(one.layers.iter().all(|layer| layer.compression == Some(Compression::Zstd)));
    assert_eq!(one.layers[0].paths.as_deref(), Some(&[glibc][..]));
    assert_eq!(one.layers[1].paths.as_deref(), Some(&many[..]));
    assert_eq!(one.size, one.layers.iter().map(|layer| layer.size).sum::<u64>());
    assert_eq!(shared(&one, std::slice::from_ref(&two)), [vec![0], vec![0], vec![]]);

    let difference = diff(&one, &two);
    assert_eq!((difference.kept.len(), difference.added.len(), difference.removed.len()), (2, 1, 1));
    assert_eq!(difference.bytes_to_fetch, two.layers[2].size);
    let told = serde_json::to_value(&difference).unwrap();
    let updated = json!([{"old": old.base_name(), "new": new.base_name()}]);
    assert_eq!(told["paths"], json!({"added": [], "removed": [], "updated": updated, "unknownLayers": 0}));
    assert_eq!(told["added"][0]["name"], "pillow");
    let told: Value = serde_json::to_value(&one).unwrap();
    assert_eq!(told["layers"][2]["paths"], json!([old.base_name()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_index_the_image_for_the_platform_is_looked_at() {
    let stand_in = StandIn::start(Modes::default());
    let to = repository(&stand_in.host());
    let digest = push(&to, "one", vec![layer("a", &[path('a', "a")])]).await;
    let found = to.resolve("one").await.unwrap().unwrap();
    let descriptor = Descriptor { platform: Some(platform("amd64")), ..found };
    put_index(vec![descriptor], &to, &["many".to_owned()]).await.unwrap();
    assert_eq!(view(&to, "many", &platform("amd64")).await.unwrap().digest, digest);
    let error = view(&to, "many", &platform("arm64")).await.unwrap_err();
    assert!(matches!(&error, InspectError::Platform { there, .. } if there == "linux/amd64"), "{error}");
    let variant = Platform { variant: Some("v7".to_owned()), ..platform("amd64") };
    assert!(view(&to, "many", &variant).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_is_told_from_one() {
    let stand_in = StandIn::start(Modes::default());
    let to = repository(&stand_in.host());
    let error = view(&to, "none", &platform("amd64")).await.unwrap_err();
    assert!(matches!(error, InspectError::Missing(_)), "{error}");

    let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let layer = stand_in.add_blob("owner/image", "layer");
    stand_in.add_blob("owner/image", &config[..]);
    for (tag, kind) in [("sbom", media_type::EMPTY), ("short", media_type::CONFIG)] {
        let digest = Digest::of(config);
        let text = json!({
            "schemaVersion": 2,
            "mediaType": media_type::MANIFEST,
            "config": {"mediaType": kind, "digest": digest, "size": config.len()},
            "layers": [{"mediaType": media_type::LAYER, "digest": layer, "size": 5}],
        });
        let bytes = serde_json::to_vec(&text).unwrap();
        let digest = Digest::of(&bytes);
        let manifest = Manifest { media_type: media_type::MANIFEST.to_owned(), bytes: bytes.into(), digest };
        to.put_manifest(&manifest, tag).await.unwrap();
    }
    let error = view(&to, "sbom", &platform("amd64")).await.unwrap_err();
    assert!(matches!(&error, InspectError::NoImage { kind, .. } if kind == media_type::EMPTY), "{error}");
    let error = view(&to, "short", &platform("amd64")).await.unwrap_err();
    assert!(matches!(error, InspectError::Layers { layers: 1, diff_ids: 0, .. }), "{error}");
}

/// An OCI layout with an image of one layer, as other tools write it.
fn layout(folder: &Path) {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(5);
    header.set_mode(0o444);
    tar.append_data(&mut header, "file", &b"hello"[..]).unwrap();
    let tar = tar.into_inner().unwrap();
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |kind: &str, bytes: &[u8]| {
        std::fs::write(blobs.join(Digest::of(bytes).hex()), bytes).unwrap();
        json!({"mediaType": kind, "digest": Digest::of(bytes), "size": bytes.len()})
    };
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(&tar)]},
        "history": [{"created_by": "COPY file /"}, {"created_by": "CMD sh", "empty_layer": true}],
    });
    let config = put(media_type::CONFIG, &serde_json::to_vec(&config).unwrap());
    let layers = [put(media_type::LAYER, &tar)];
    let manifest =
        json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": layers});
    let mut manifest = put(media_type::MANIFEST, &serde_json::to_vec(&manifest).unwrap());
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "a"});
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    std::fs::write(folder.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_image_that_skopeo_pushed_the_layers_are_known() {
    let peer = DockerRegistry::start(docker_registry::Access::Open);
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path());
    let mut skopeo = tools::command("skopeo");
    skopeo.args(["--insecure-policy", "copy", "--dest-tls-verify=false"]);
    skopeo.arg(format!("oci:{}:a", folder.path().display()));
    skopeo.arg(format!("docker://{}/owner/image:v1", peer.host()));
    skopeo.env("HOME", folder.path()).env("XDG_RUNTIME_DIR", folder.path());
    let output = tokio::task::spawn_blocking(move || skopeo.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let image = view(&repository(peer.host()), "v1", &platform("amd64")).await.unwrap();
    let [layer] = &image.layers[..] else { panic!("one layer: {image:?}") };
    assert_eq!(layer.compression, Some(Compression::Gzip));
    assert_ne!(layer.digest, layer.diff_id);
    assert_eq!((layer.name.as_str(), &layer.paths), ("COPY file /", &None));
    assert_eq!(diff(&image, &image).kept.len(), 1);
}
