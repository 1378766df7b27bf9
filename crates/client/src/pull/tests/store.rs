//! A store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Realisation;
use snowbank_nix::store_path::StorePath;

use crate::restore::writer::{Claimed, NarSink, SinkError, Writer, WriterError};

/// The NARs of valid paths.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) valid: Mutex<BTreeMap<StorePath, Vec<u8>>>,
    finished: Arc<Mutex<BTreeMap<StorePath, Vec<u8>>>>,
}

pub(super) struct Sink {
    path: StorePath,
    bytes: Vec<u8>,
    to: Arc<Mutex<BTreeMap<StorePath, Vec<u8>>>>,
}

impl Writer for Memory {
    type Sink = Sink;

    fn keep(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, WriterError> {
        let valid = self.valid.lock().unwrap();
        Ok(paths.iter().filter(|path| valid.contains_key(path)).cloned().collect())
    }

    fn at_once(&self, wanted: usize) -> usize {
        wanted
    }

    fn claim(&self, paths: &BTreeSet<StorePath>) -> Result<Claimed, WriterError> {
        let valid = self.keep(paths)?;
        Ok(Claimed { claimed: paths.difference(&valid).cloned().collect(), valid, ..Claimed::default() })
    }

    fn begin(&self, info: &PathInfo) -> Result<Sink, WriterError> {
        Ok(Sink { path: info.path.clone(), bytes: Vec::new(), to: Arc::clone(&self.finished) })
    }

    fn commit(&self, infos: &[&PathInfo]) -> Result<Vec<(StorePath, String)>, WriterError> {
        let mut finished = self.finished.lock().unwrap();
        let done = infos.iter().filter_map(|info| finished.remove_entry(&info.path));
        self.valid.lock().unwrap().extend(done);
        Ok(Vec::new())
    }

    fn discard(&self, path: &StorePath) {
        self.finished.lock().unwrap().remove(path);
    }

    fn realise(&self, _: &[Realisation]) -> Result<(), WriterError> {
        Ok(())
    }
}

impl NarSink for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self) -> Result<(), SinkError> {
        self.to.lock().unwrap().insert(self.path, self.bytes);
        Ok(())
    }
}
