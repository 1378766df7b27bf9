//! Writing blobs to files.

use std::io::{self, Write};

use bytes::Bytes;
use futures::StreamExt;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::destination::{BlobError, Piece, Pieces};
use crate::digest::Digest;

/// Pieces that wait for the disk; of at most 1 MiB each, they are all that is held of a blob.
const WAITING: usize = 4;

/// A blob whose bytes are not what its maker says, or are not all there.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SpoolError {
    /// Its bytes end, and what they came to is not told.
    #[error("it ends too early")]
    Cut,
    /// Its bytes are others.
    #[error("it came to {has} in {has_size} bytes, and should be {should} in {should_size}")]
    Differs {
        /// The digest of its bytes.
        has: Digest,
        /// Its bytes.
        has_size: u64,
        /// The digest that it should have.
        should: Digest,
        /// The bytes that it should have.
        should_size: u64,
    },
}

/// Writes a blob, hashes it beside that, and hands the writer to `finish` when its bytes are what they should be; all of it on
/// a blocking thread. Dropping the future drops the writer, a moment later.
///
/// # Errors
/// When the blob cannot be made or is not what its end says, or the writer or `finish` fails.
pub(crate) async fn spool<W, T>(
    mut pieces: Pieces,
    mut writer: W,
    finish: impl FnOnce(W, Digest, u64) -> io::Result<T> + Send + 'static,
) -> Result<(Digest, u64, T), BlobError>
where
    W: Write + Send + 'static,
    T: Send + 'static,
{
    enum Step {
        Data(Bytes),
        End(Digest, u64),
    }
    let (steps, mut waiting) = mpsc::channel(WAITING);
    let work = spawn_blocking(move || -> Result<(Digest, u64, T), BlobError> {
        let mut hasher = Sha256::new();
        let mut size = 0;
        loop {
            match waiting.blocking_recv().ok_or(SpoolError::Cut)? {
                Step::Data(bytes) => {
                    hasher.update(&bytes);
                    size += bytes.len() as u64;
                    writer.write_all(&bytes)?;
                }
                Step::End(should, should_size) => {
                    let has = Digest::from_bytes(hasher.finalize().into());
                    if (has, size) != (should, should_size) {
                        return Err(SpoolError::Differs { has, has_size: size, should, should_size }.into());
                    }
                    return Ok((has, size, finish(writer, has, size)?));
                }
            }
        }
    });
    let fed = async {
        while let Some(piece) = pieces.next().await {
            let (step, last) = match piece? {
                Piece::Data(bytes) => (Step::Data(bytes), false),
                Piece::End { digest, size } => (Step::End(digest, size), true),
            };
            // Nobody takes it any more when writing failed, which the thread tells.
            if steps.send(step).await.is_err() || last {
                break;
            }
        }
        Ok::<(), BlobError>(())
    };
    let fed = fed.await;
    drop(steps);
    let written = work.await?;
    fed?;
    written
}

#[cfg(test)]
pub(crate) mod tests {
    use futures::stream;

    use super::*;
    use crate::destination::Blob;

    /// A blob of some bytes, told in pieces of three.
    pub(crate) struct Bytes3(pub(crate) Vec<u8>);

    impl Blob for Bytes3 {
        fn known(&self) -> Option<(Digest, u64)> {
            None
        }

        fn open(&self, offset: u64) -> Pieces {
            let rest = &self.0[usize::try_from(offset).unwrap()..];
            let mut pieces: Vec<_> =
                rest.chunks(3).map(|piece| Ok(Piece::Data(Bytes::copy_from_slice(piece)))).collect();
            pieces.push(Ok(Piece::End { digest: Digest::of(&self.0), size: self.0.len() as u64 }));
            stream::iter(pieces).boxed()
        }
    }

    /// A blob that breaks after some bytes.
    pub(crate) struct Broken(pub(crate) usize);

    impl Blob for Broken {
        fn known(&self) -> Option<(Digest, u64)> {
            None
        }

        fn open(&self, _: u64) -> Pieces {
            let data = Ok(Piece::Data(Bytes::from(vec![7; self.0])));
            stream::iter([data, Err("the line is cut".into())]).boxed()
        }
    }

    fn run(pieces: Pieces, writer: impl Write + Send + 'static) -> Result<(Digest, u64), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let done = runtime.block_on(spool(pieces, writer, |_, _, _| Ok(())));
        done.map(|(digest, size, ())| (digest, size)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_blob_is_written() {
        let blob = Bytes3(b"some bytes".to_vec());
        assert_eq!(run(blob.open(0), Vec::new()), Ok((Digest::of(b"some bytes"), 10)));
        assert_eq!(run(Bytes3(Vec::new()).open(0), Vec::new()), Ok((Digest::of(b""), 0)));
    }

    #[test]
    fn what_is_no_whole_blob_is_refused() {
        assert_eq!(run(Broken(3).open(0), Vec::new()), Err("the line is cut".to_owned()));
        assert_eq!(run(stream::empty().boxed(), Vec::new()), Err(SpoolError::Cut.to_string()));
        let lie = stream::iter([Ok(Piece::End { digest: Digest::of(b"x"), size: 0 })]).boxed();
        assert!(run(lie, Vec::new()).unwrap_err().contains("should be"));
    }

    #[test]
    fn a_writer_that_fails_is_told() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let told = run(Bytes3(vec![0; 1000]).open(0), Full).unwrap_err();
        assert_eq!(told, io::Error::from(io::ErrorKind::StorageFull).to_string());
    }
}
