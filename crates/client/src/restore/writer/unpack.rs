//! A NAR that comes in pieces into files.

use std::io;
use std::path::Path;

use snowbank_nix::nar::{Parser, RestoreError, Restorer};

use super::SinkError;

/// Makes files of a NAR that comes in pieces; holds none of its content.
pub(in crate::restore) struct Unpacker {
    parser: Parser,
    restorer: Restorer,
}

impl Unpacker {
    /// Makes them at `file`, where nothing is.
    pub(in crate::restore) fn new(file: &Path) -> Self {
        Self { parser: Parser::new(), restorer: Restorer::new(file) }
    }

    pub(in crate::restore) fn write(&mut self, mut bytes: &[u8]) -> Result<(), SinkError> {
        while let Some(event) = self.parser.next_event(&mut bytes).map_err(content)? {
            self.restorer.event(&event).map_err(unwritten)?;
        }
        Ok(())
    }

    pub(in crate::restore) fn finish(self) -> Result<(), SinkError> {
        self.parser.finish().map_err(content)?;
        self.restorer.finish().map_err(unwritten)
    }
}

fn content(error: impl std::error::Error + Send + Sync + 'static) -> SinkError {
    SinkError::Content(Box::new(error))
}

fn unwritten(error: RestoreError) -> SinkError {
    match &error {
        RestoreError::Read { .. } => SinkError::Content(Box::new(error)),
        RestoreError::Write { error: cause, .. } if concerns_all(cause) => SinkError::Store(Box::new(error)),
        RestoreError::Write { .. } => SinkError::Path(Box::new(error)),
    }
}

/// Whether others would fail as well.
fn concerns_all(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem | PermissionDenied)
        || [rustix::io::Errno::IO, rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
            .iter()
            .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
