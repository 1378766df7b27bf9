//! A writer that looks at content which has to prove what is said of its path.

use std::collections::BTreeSet;
use std::sync::Arc;

use snowbank_nix::content_address::ContentAddress;
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{ContentCheck, NarError, Parser, Verdict};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Realisation;
use snowbank_nix::store_path::StorePath;

use crate::restore::writer::{Claimed, NarSink, SinkError, Writer, WriterError};

/// Hands everything on to a writer, content of some paths only where it has the address that it is said to have.
pub(super) struct Checked<W> {
    pub(super) writer: Arc<W>,
    /// The paths that nothing but their content proves.
    pub(super) unproven: BTreeSet<StorePath>,
}

/// A sink of a [`Checked`] writer.
pub(super) struct CheckedSink<S> {
    sink: S,
    proof: Option<Box<Proof>>,
}

struct Proof {
    parser: Parser,
    check: ContentCheck,
    address: ContentAddress,
    nar: NarHash,
}

/// Content that is not what its path follows from.
#[derive(Debug, thiserror::Error)]
#[error("its content does not have the address {0}, and no trusted key has signed it")]
struct Differs(ContentAddress);

impl Proof {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), NarError> {
        while let Some(event) = self.parser.next_event(&mut bytes)? {
            self.check.event(&event);
        }
        Ok(())
    }

    fn finish(self) -> Result<(), SinkError> {
        match self.check.finish(self.nar).has(&self.address, false) {
            Verdict::Holds => Ok(()),
            Verdict::Differs | Verdict::Unknown => Err(SinkError::Content(Box::new(Differs(self.address)))),
        }
    }
}

impl<W: Writer> Writer for Checked<W> {
    type Sink = CheckedSink<W::Sink>;

    fn keep(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, WriterError> {
        self.writer.keep(paths)
    }

    fn at_once(&self, wanted: usize) -> usize {
        self.writer.at_once(wanted)
    }

    fn references_first(&self) -> bool {
        self.writer.references_first()
    }

    fn claim(&self, paths: &BTreeSet<StorePath>) -> Result<Claimed, WriterError> {
        self.writer.claim(paths)
    }

    fn begin(&self, info: &PathInfo) -> Result<Self::Sink, WriterError> {
        let address = info.ca.filter(|_| self.unproven.contains(&info.path));
        let proof = |address| {
            let (parser, check) = (Parser::new(), ContentCheck::default());
            Box::new(Proof { parser, check, address, nar: info.nar_hash })
        };
        Ok(CheckedSink { sink: self.writer.begin(info)?, proof: address.map(proof) })
    }

    fn commit(&self, infos: &[&PathInfo]) -> Result<Vec<(StorePath, String)>, WriterError> {
        self.writer.commit(infos)
    }

    fn discard(&self, path: &StorePath) {
        self.writer.discard(path);
    }

    fn realise(&self, realisations: &[Realisation]) -> Result<(), WriterError> {
        self.writer.realise(realisations)
    }
}

impl<S: NarSink> NarSink for CheckedSink<S> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if let Some(proof) = &mut self.proof {
            proof.take(bytes).map_err(|error| SinkError::Content(Box::new(error)))?;
        }
        self.sink.write(bytes)
    }

    fn finish(self) -> Result<(), SinkError> {
        if let Some(proof) = self.proof {
            proof.finish()?;
        }
        self.sink.finish()
    }
}
