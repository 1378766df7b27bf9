//! Blobs that are layers made of store paths.

use std::fmt;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use snowbank_nix::store_path::StoreDir;

use super::outlet::{Outlet, pieces};
use super::pipeline::Pipeline;
use crate::compression::Compression;
use crate::destination::{Blob, BlobError, Pieces};
use crate::digest::Digest;
use crate::layer::LayerSpec;
use crate::record::LayerRecord;
use crate::tree::Trees;

/// Paths and files that an error names; it says where there are more.
const NAMED: usize = 5;

/// A layer made of store paths, made anew each time that it is read.
///
/// Each of its streams holds at most 67 MiB beside what the trees do that are open.
#[derive(Clone)]
pub struct LayerBlob {
    work: Arc<Work>,
}

struct Work {
    layer: LayerSpec,
    dir: StoreDir,
    trees: Arc<dyn Trees>,
    compression: Compression,
    threads: NonZero<usize>,
    expected: Option<Digest>,
    known: Option<(Digest, u64)>,
    made: Mutex<Option<LayerRecord>>,
}

/// A tar that is not the one that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherLayer {
    /// The digest that its tar has.
    pub found: Digest,
    /// The digest that was expected.
    pub expected: Digest,
    /// The layer's paths, a few of them.
    pub paths: Vec<String>,
    /// How many more it has.
    pub more: usize,
    /// Files of these paths whose modes are not what they should be, a few of them.
    pub irregular: Vec<PathBuf>,
}

impl std::error::Error for OtherLayer {}

impl fmt::Display for OtherLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, expected, paths, more, irregular } = self;
        write!(f, "the layer of {}", paths.join(", "))?;
        if *more > 0 {
            write!(f, " and {more} more")?;
        }
        write!(f, " has the digest {found}, but {expected} was expected; ")?;
        if irregular.is_empty() {
            return f.write_str("build the image again where its paths are now");
        }
        f.write_str("in the store, these have not the modes that Nix gives, and the expected digest may rest on those: ")?;
        for (at, file) in irregular.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, file.display())?;
        }
        f.write_str(
            "; repair them with `nix-store --verify-path` and `--repair-path`, and build the image again",
        )
    }
}

impl LayerBlob {
    /// A layer whose blob is made with so many threads, and one that reads and one that hashes.
    #[must_use]
    pub fn new(
        layer: LayerSpec,
        dir: StoreDir,
        trees: Arc<dyn Trees>,
        compression: Compression,
        threads: NonZero<usize>,
    ) -> Self {
        let (expected, known, made) = (None, None, Mutex::new(None));
        Self { work: Arc::new(Work { layer, dir, trees, compression, threads, expected, known, made }) }
    }

    /// The same, whose tar must have this digest: before the end of another one stands an error, [`OtherLayer`].
    #[must_use]
    pub fn expecting(self, diff_id: Digest) -> Self {
        self.changed(|work| work.expected = Some(diff_id))
    }

    /// The same, of which these are the digest and the size, if the compressor is still the one that it was.
    #[must_use]
    pub fn knowing(self, digest: Digest, size: u64) -> Self {
        self.changed(|work| work.known = Some((digest, size)))
    }

    /// What it came to, once a stream of it has reached its end.
    #[must_use]
    pub fn made(&self) -> Option<LayerRecord> {
        *self.work.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it and sends it nowhere. Blocks.
    ///
    /// # Errors
    /// When a path cannot be read, or its tar is not the one that was expected.
    pub fn verify(&self) -> Result<LayerRecord, BlobError> {
        self.work.run(Outlet::closed())
    }

    fn changed(self, change: impl FnOnce(&mut Work)) -> Self {
        let work = Arc::try_unwrap(self.work).unwrap_or_else(|shared| Work {
            layer: shared.layer.clone(),
            dir: shared.dir.clone(),
            trees: shared.trees.clone(),
            made: Mutex::new(None),
            ..*shared
        });
        let mut work = work;
        change(&mut work);
        Self { work: Arc::new(work) }
    }
}

impl Blob for LayerBlob {
    fn known(&self) -> Option<(Digest, u64)> {
        self.made().map(|made| (made.digest, made.size)).or(self.work.known)
    }

    fn open(&self, offset: u64) -> Pieces {
        let work = self.work.clone();
        pieces(offset, move |outlet| work.run(outlet).map(|made| (made.digest, made.size)))
    }
}

impl fmt::Debug for LayerBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Work { layer, compression, .. } = &*self.work;
        f.debug_struct("LayerBlob")
            .field("layer", layer)
            .field("compression", compression)
            .finish_non_exhaustive()
    }
}

impl Work {
    fn run(&self, outlet: Outlet) -> Result<LayerRecord, BlobError> {
        let Self { layer, dir, trees, compression, threads, .. } = self;
        let pipeline = Pipeline { layer, dir, trees: &**trees, compression: *compression, threads: *threads };
        let made = pipeline.run(outlet)?;
        if let Some(expected) = self.expected
            && expected != made.diff_id
        {
            return Err(self.other(made.diff_id, expected).into());
        }
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok(made)
    }

    fn other(&self, found: Digest, expected: Digest) -> OtherLayer {
        let paths = &self.layer.paths;
        let mut irregular = Vec::new();
        for path in paths {
            irregular.extend(self.trees.irregular(&path.path, NAMED.saturating_sub(irregular.len())));
        }
        let named = paths.iter().take(NAMED).map(|path| self.dir.display(&path.path));
        OtherLayer {
            found,
            expected,
            paths: named.collect(),
            more: paths.len().saturating_sub(NAMED),
            irregular,
        }
    }
}
