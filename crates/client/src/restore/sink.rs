//! A NAR into the files of a path.

use std::path::Path;

use snowbank_nix::hash::{NarHash, NarHasher};
use snowbank_nix::nar::{Parser, Restorer};

use super::Miss;
use crate::text;

/// Writes one path's files.
pub(super) struct Sink {
    parser: Parser,
    restorer: Restorer,
    hasher: Option<NarHasher>,
}

impl Sink {
    /// Writes to `file`, where nothing is; hashes what it writes if that is to be checked.
    pub(super) fn new(file: &Path, hashing: bool) -> Self {
        let hasher = hashing.then(NarHasher::default);
        Self { parser: Parser::new(), restorer: Restorer::new(file), hasher }
    }

    /// Takes the next bytes of the NAR.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Miss> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        let mut rest = bytes;
        while let Some(event) =
            self.parser.next_event(&mut rest).map_err(|error| Miss::Damaged(text::chain(&error)))?
        {
            self.restorer.event(&event).map_err(|error| Miss::Write(text::chain(&error)))?;
        }
        Ok(())
    }

    /// Ends the path, whose NAR has `hash`.
    pub(super) fn finish(self, hash: &NarHash) -> Result<(), Miss> {
        self.parser.finish().map_err(|error| Miss::Damaged(text::chain(&error)))?;
        self.restorer.finish().map_err(|error| Miss::Write(text::chain(&error)))?;
        match self.hasher.map(NarHasher::finish) {
            Some((found, _)) if found != *hash => Err(Miss::Damaged(format!("its NAR has hash {found}"))),
            _ => Ok(()),
        }
    }
}
