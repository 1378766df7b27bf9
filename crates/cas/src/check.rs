//! Reading a whole pack back against its footer.

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use crate::adopt::check_frame;
use crate::bucket::{Bucket, BucketError, pack_name};
use crate::budget::Class;
use crate::chunker::MAX_CHUNK;
use crate::frame::{self, Decoder, FrameError};
use crate::id::{ObjectHash, PackId};
use crate::pack::{Footer, PackEntry, PackError, trailer_len};
use crate::recipe::FrameRef;
use crate::work::computing;

/// Frames are read in runs of about so many bytes. With the decoder's buffers, the largest frame and the largest
/// footer a check holds less than [`HELD`].
const RUN: u64 = 4 << 20;
/// What a check takes from the budget.
const HELD: u64 = 16 << 20;

/// What a pack holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedPack {
    /// Frames that give the chunks that the footer names.
    pub good: Vec<FrameRef>,
    /// Frames that do not.
    pub bad: Vec<FrameRef>,
}

/// Why a pack could not be checked frame by frame.
#[derive(Debug, thiserror::Error)]
pub enum PackFault {
    /// It is missing, short, or its footer does not hold: none of its frames can be had by name.
    #[error("the pack is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The bucket did not answer, which says nothing about the pack.
    #[error("the pack could not be read")]
    Bucket(#[source] BucketError),
}

impl From<BucketError> for PackFault {
    fn from(error: BucketError) -> Self {
        if error.is_damage() { Self::Damaged(error.into()) } else { Self::Bucket(error) }
    }
}

impl From<PackError> for PackFault {
    fn from(error: PackError) -> Self {
        Self::Damaged(error.into())
    }
}

impl From<FrameError> for PackFault {
    fn from(error: FrameError) -> Self {
        Self::Damaged(error.into())
    }
}

/// Reads the pack `id`, whose object should have `size` bytes, and checks each frame against the footer.
///
/// # Errors
/// [`PackFault`]; a frame that is damaged is no error but an answer.
pub async fn check_pack(bucket: &Bucket, id: PackId, size: u64) -> Result<CheckedPack, PackFault> {
    let name = pack_name(id);
    let _held = bucket.budget().take(Class::Job, HELD).await;
    let footer = read_footer(bucket, &name, size).await?;
    let mut checked = CheckedPack::default();
    let mut run: Vec<(u32, PackEntry)> = Vec::new();
    let mut entries = footer.entries_with_offsets().peekable();
    while let Some((offset, entry)) = entries.next() {
        run.push((offset, *entry));
        let start = u64::from(run[0].0);
        let end = u64::from(offset) + u64::from(entry.stored_len);
        if end - start < RUN && entries.peek().is_some() {
            continue;
        }
        let bytes = bucket.read_vec(&name, start..end).await?;
        let batch = std::mem::take(&mut run);
        let verdicts = computing(move || verdicts(&batch, &bytes, start)).await?;
        for (good, offset, entry) in verdicts {
            let PackEntry { chunk, frame, raw_len, stored_len } = entry;
            let place = FrameRef { chunk, frame, raw_len, stored_len, pack: id, offset };
            if good { &mut checked.good } else { &mut checked.bad }.push(place);
        }
    }
    Ok(checked)
}

/// The hash of an object of `size` bytes.
///
/// # Errors
/// When the object cannot be read or is shorter.
pub async fn hash_object(bucket: &Bucket, name: &str, size: u64) -> Result<ObjectHash, BucketError> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = bucket.read(name, 0..size);
    while let Some(part) = bytes.try_next().await? {
        hasher = computing(move || {
            hasher.update(&part);
            hasher
        })
        .await;
    }
    Ok(ObjectHash::from_bytes(*hasher.finalize().as_bytes()))
}

/// The bytes of an object of `size` bytes, for a job that holds a permit for its own buffers; the stream ends with
/// [`BucketError::Altered`] when they do not have the hash `expected`.
pub fn read_checked(
    bucket: &Bucket,
    name: &str,
    size: u64,
    expected: ObjectHash,
) -> impl Stream<Item = Result<Bytes, BucketError>> + Send + 'static + use<> {
    let bytes = bucket.read_within_job(name, 0..size);
    let state = (bytes.boxed(), blake3::Hasher::new(), name.to_owned());
    stream::try_unfold(state, move |(mut bytes, mut hasher, name)| async move {
        match bytes.try_next().await? {
            Some(part) => {
                let (hasher, part) = computing(move || {
                    hasher.update(&part);
                    (hasher, part)
                })
                .await;
                Ok(Some((part, (bytes, hasher, name))))
            }
            None if hasher.finalize().as_bytes() == expected.as_bytes() => Ok(None),
            None => Err(BucketError::Altered(name)),
        }
    })
}

async fn read_footer(bucket: &Bucket, name: &str, size: u64) -> Result<Footer, PackFault> {
    let there = bucket.size(name).await?.ok_or_else(|| BucketError::Missing(name.to_owned()))?;
    if there != size {
        return Err(PackFault::Damaged(format!("the object has {there} bytes instead of {size}").into()));
    }
    let trailer = bucket.read_vec(name, size.saturating_sub(trailer_len())..size).await?;
    let length = Footer::len_from_trailer(&trailer, size)?;
    let tail = bucket.read_vec(name, size - length..size).await?;
    Ok(Footer::decode(&tail, size)?)
}

fn verdicts(
    batch: &[(u32, PackEntry)],
    bytes: &[u8],
    start: u64,
) -> Result<Vec<(bool, u32, PackEntry)>, FrameError> {
    let mut decoder = Decoder::new()?;
    let verdict = |(offset, entry): &(u32, PackEntry)| {
        let from = (u64::from(*offset) - start) as usize;
        let good = entry.raw_len <= MAX_CHUNK
            && entry.stored_len <= frame::bound(entry.raw_len)
            && check_frame(entry, &bytes[from..from + entry.stored_len as usize], &mut decoder).is_ok();
        (good, *offset, *entry)
    };
    Ok(batch.iter().map(verdict).collect())
}
