//! What a server tells of a closure, nothing of which is believed before it was looked at.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use snowbank_binary_cache::bulk::{InfoError, MAX_MESSAGE, MAX_PATHS, Planned, RECORD};
use snowbank_cas::pack::{PackEntry, PackError};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;

/// Bytes of the records of all frames: those of a quarter of a terabyte.
pub const MAX_RECORDS: usize = 64 << 20;

/// What a server told of a closure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The paths that the cache has.
    pub paths: BTreeMap<StorePath, PlannedPath>,
    /// Paths that are referred to and that it does not have.
    pub elsewhere: BTreeSet<StorePath>,
}

/// A path of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPath {
    /// What is told of it.
    pub info: PathInfo,
    /// The row of frames that its NAR is kept as; empty where the cache has yet to fetch it.
    pub frames: Vec<PackEntry>,
}

/// An answer that no server gives who means it.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Bytes that are no message, or one that is too large.
    #[error("a message of it cannot be read")]
    Message(#[source] prost::DecodeError),
    /// It broke off.
    #[error("it broke off")]
    Short,
    /// More than there may be.
    #[error(
        "it tells of more than {MAX_PATHS} paths, or of more frames than {MAX_RECORDS} bytes of records name"
    )]
    TooMuch,
    /// The server gave up.
    #[error("the server gave up: {}", .0.escape_debug())]
    Failed(String),
    /// A path's info is none.
    #[error("it tells of a path that cannot be")]
    Info(#[from] InfoError),
    /// Text that is no store path.
    #[error("`{}` is no store path", .0.escape_debug())]
    Path(String),
    /// The same path twice.
    #[error("it tells of {0} twice")]
    Twice(StorePath),
    /// A list of frames that breaks off.
    #[error("the frames of {0} break off")]
    Broken(StorePath),
    /// A frame that cannot be.
    #[error("the frames of {path} cannot be")]
    Frame {
        /// The path.
        path: StorePath,
        /// What is wrong with one of them.
        #[source]
        error: PackError,
    },
    /// Frames of another NAR.
    #[error("the frames of {path} make {found} bytes, and its archive has {size}")]
    Size {
        /// The path.
        path: StorePath,
        /// Bytes of its chunks.
        found: u64,
        /// Bytes of its NAR.
        size: u64,
    },
}

impl Plan {
    /// Reads an answer: messages, each behind its length, the last of which says so.
    ///
    /// # Errors
    /// When it is none, or breaks off.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, PlanError> {
        let (mut plan, mut records) = (Self::default(), 0);
        while !bytes.is_empty() {
            let message = next(&mut bytes)?;
            records += message.frames.len();
            let paths = plan.paths.len() + plan.elsewhere.len() + message.elsewhere.len();
            if records > MAX_RECORDS || paths + usize::from(message.info.is_some()) > MAX_PATHS {
                return Err(PlanError::TooMuch);
            }
            if !message.failed.is_empty() {
                return Err(PlanError::Failed(message.failed));
            }
            if let Some(info) = message.info {
                plan.add(info.try_into()?, &message.frames)?;
            }
            let path = |text: String| text.parse().map_err(|_| PlanError::Path(text));
            for text in message.elsewhere {
                plan.elsewhere.insert(path(text)?);
            }
            if message.last {
                return if bytes.is_empty() { Ok(plan) } else { Err(PlanError::Short) };
            }
        }
        Err(PlanError::Short)
    }

    fn add(&mut self, info: PathInfo, records: &[u8]) -> Result<(), PlanError> {
        let path = info.path.clone();
        let (rows, rest) = records.as_chunks::<RECORD>();
        if !rest.is_empty() {
            return Err(PlanError::Broken(path));
        }
        let entry = |(at, row): (usize, &[u8; RECORD])| PackEntry::decode(at, row);
        let frames: Vec<PackEntry> = match rows.iter().enumerate().map(entry).collect() {
            Ok(frames) => frames,
            Err(error) => return Err(PlanError::Frame { path, error }),
        };
        let found: u64 = frames.iter().map(|frame| u64::from(frame.raw_len)).sum();
        if !frames.is_empty() && found != info.nar_size {
            return Err(PlanError::Size { path, found, size: info.nar_size });
        }
        if self.paths.insert(path.clone(), PlannedPath { info, frames }).is_some() {
            return Err(PlanError::Twice(path));
        }
        Ok(())
    }
}

fn next(bytes: &mut &[u8]) -> Result<Planned, PlanError> {
    let length = prost::decode_length_delimiter(&mut *bytes).map_err(PlanError::Message)?;
    if length > MAX_MESSAGE {
        return Err(PlanError::TooMuch);
    }
    let (message, rest) = bytes.split_at_checked(length).ok_or(PlanError::Short)?;
    *bytes = rest;
    Planned::decode(message).map_err(PlanError::Message)
}
