//! A stand-in, store paths, and pushes from these to that.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snowbank_nix::store_path::StoreDir;
use snowbank_oci::compression::Compression;
use snowbank_oci::config::{History, ImageConfig, Timestamp};
use snowbank_oci::descriptor::Platform;
use snowbank_oci::destination::Destination;
use snowbank_oci::digest::Digest;
use snowbank_oci::image::{FileLayer, ImagePlan, LayerContent, PlannedLayer, StoredBlob};
use snowbank_oci::layer::{LayerPath, LayerSpec, PathOptions};
use snowbank_oci::push::{LayerReport, Outcome, Push, PushError, PushObserver, Report};
use snowbank_oci::record::{LayerKey, LayerRecord};
use snowbank_oci::reference::Reference;
use snowbank_oci::registry::{Access, Effort, Registry, RegistryOptions, Repository};
use snowbank_oci::tree::Trees;
use snowbank_testkit::registry::{Logged, Modes, StandIn};

use crate::nars::{Nars, content, hash, path};

/// The repository that is pushed to.
pub(crate) const NAME: &str = "owner/image";

/// An image of a layer that is a file, and one layer for each of these store paths.
pub(crate) fn plan(names: &[&str]) -> ImagePlan {
    ImagePlan {
        config: ImageConfig::default(),
        layers: std::iter::once(base()).chain(names.iter().map(|name| layer(name))).collect(),
        platform: platform("amd64"),
        created: Some(Timestamp::of_store()),
        annotations: BTreeMap::new(),
    }
}

pub(crate) fn platform(architecture: &str) -> Platform {
    Platform { architecture: architecture.to_owned(), os: "linux".to_owned(), variant: None }
}

/// A layer that is a file.
fn base() -> PlannedLayer {
    let blob = content("base");
    let media_type = Compression::Gzip.media_type().to_owned();
    let (digest, size) = (Digest::of(&blob), Some(blob.len() as u64));
    PlannedLayer {
        name: "base".to_owned(),
        content: LayerContent::File(FileLayer { path: path("base"), inside: "file".into(), media_type }),
        diff_id: Some(Digest::of(b"the base's tar")),
        stored: Some(StoredBlob { digest, size, compression: Compression::Gzip }),
        history: History::default(),
    }
}

/// What a layer of one store path is made of.
pub(crate) fn spec(name: &str) -> LayerSpec {
    let (path, nar_hash) = (path(name), Some(hash(name)));
    LayerSpec { paths: vec![LayerPath { path, nar_hash, options: PathOptions::default(), part: None }] }
}

fn layer(name: &str) -> PlannedLayer {
    PlannedLayer {
        name: format!("layer of {name}"),
        content: LayerContent::Paths(spec(name)),
        diff_id: None,
        stored: None,
        history: History::default(),
    }
}

/// How it is pushed.
#[derive(Clone)]
pub(crate) struct How {
    pub(crate) tag: &'static str,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) records: HashMap<LayerKey, LayerRecord>,
    pub(crate) compression: Option<Compression>,
    pub(crate) mounts: Vec<String>,
    pub(crate) verify: bool,
    pub(crate) dry_run: bool,
}

impl Default for How {
    fn default() -> Self {
        Self {
            tag: "v1",
            tags: Some(Vec::new()),
            records: HashMap::new(),
            compression: None,
            mounts: Vec::new(),
            verify: false,
            dry_run: false,
        }
    }
}

/// Under that tag.
pub(crate) fn tagged(tag: &'static str) -> How {
    How { tag, ..How::default() }
}

/// With the records of what was pushed.
pub(crate) fn recorded(report: &Report) -> How {
    How { records: report.news.iter().copied().collect(), ..How::default() }
}

/// Who keeps the warnings.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl PushObserver for Warnings {
    fn layer(&self, _: &LayerReport) {}
    fn sent(&self, _: u64) {}
    fn warning(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

/// A stand-in, and store paths.
pub(crate) struct Scene {
    pub(crate) stand_in: StandIn,
    pub(crate) nars: Arc<Nars>,
    warnings: Arc<Warnings>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { stand_in: StandIn::start(Modes::default()), nars: Arc::default(), warnings: Arc::default() }
    }

    /// A client that knows nothing yet.
    pub(crate) fn repository(&self) -> Repository {
        let reference: Reference = format!("{}/{NAME}", self.stand_in.host()).parse().unwrap();
        let (first_wait, longest_wait) = (Duration::from_millis(2), Duration::from_millis(10));
        let effort = Effort { first_wait, longest_wait, tries: 4, ..Effort::default() };
        let options = RegistryOptions { effort, ..RegistryOptions::default() };
        Registry::new(&reference, options).unwrap().repository(Access::Push, &[])
    }

    /// Pushes; what was logged and opened before is forgotten.
    pub(crate) async fn try_push(&self, plan: &ImagePlan, how: &How) -> Result<Report, PushError> {
        self.push_to(&self.repository(), plan, how).await
    }

    pub(crate) async fn push_to(
        &self,
        destination: &dyn Destination,
        plan: &ImagePlan,
        how: &How,
    ) -> Result<Report, PushError> {
        self.stand_in.clear_log();
        self.nars.opened.lock().unwrap().clear();
        self.warnings.0.lock().unwrap().clear();
        let trees: Arc<dyn Trees> = self.nars.clone();
        let observer: Arc<dyn PushObserver> = self.warnings.clone();
        let push = Push {
            plan,
            destination,
            tag: how.tag,
            tags: how.tags.as_deref(),
            dir: &StoreDir::default(),
            trees: &trees,
            records: &how.records,
            compression: how.compression,
            mounts: &how.mounts,
            verify: how.verify,
            dry_run: how.dry_run,
            threads: NonZero::new(1).unwrap(),
            observer: &observer,
        };
        push.run().await
    }

    pub(crate) async fn push(&self, plan: &ImagePlan, how: &How) -> Report {
        self.try_push(plan, how).await.unwrap()
    }

    /// The requests of the last push.
    pub(crate) fn log(&self) -> Vec<Logged> {
        self.stand_in.log()
    }

    /// Requests of the last push that do more than ask.
    pub(crate) fn changes(&self) -> Vec<String> {
        let asks = |logged: &Logged| matches!(logged.method.as_str(), "GET" | "HEAD");
        let changes = self.log().into_iter().filter(|logged| !asks(logged));
        changes.map(|logged| format!("{} {}", logged.method, logged.path)).collect()
    }

    /// Blobs that the last push sent.
    pub(crate) fn uploads(&self) -> usize {
        let closed = |logged: &&Logged| logged.method == "PUT" && logged.path.contains("/blobs/");
        self.log().iter().filter(closed).count()
    }

    /// The store paths that the last push opened, by name.
    pub(crate) fn opened(&self) -> Vec<String> {
        self.nars.opened.lock().unwrap().keys().cloned().collect()
    }

    /// What the last push warned of.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.0.lock().unwrap().clone()
    }

    /// That a tag names the image, and all that it names is there.
    pub(crate) fn check(&self, tag: &str, report: &Report) {
        let (_, bytes) = self.stand_in.manifest(NAME, tag).unwrap();
        assert_eq!(Some(Digest::of(&bytes)), report.manifest);
        for layer in &report.layers {
            let blob = self.stand_in.blob(NAME, &layer.digest.unwrap().to_string()).unwrap();
            assert_eq!(Some(blob.len() as u64), layer.size);
        }
    }
}

/// What became of each layer.
pub(crate) fn outcomes(report: &Report) -> Vec<Outcome> {
    report.layers.iter().map(|layer| layer.outcome).collect()
}
