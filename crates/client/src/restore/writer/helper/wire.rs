//! What goes between a restore and its helper: frames of a kind, a length and content, where a message is JSON and the
//! bytes of a NAR are bytes.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use snowbank_nix::hash::{Digest, NarHash};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{Derivation, Realisation, RealisationId};
use snowbank_nix::store_path::StorePath;

use super::super::{Claimed, SinkError, WriterError};

/// Bytes of the longest message: some 100,000 paths with all that is known of them.
const MAX_MESSAGE: u32 = 64 << 20;

/// Bytes of a NAR that go at once; each side holds them for each lane.
pub(super) const MAX_DATA: usize = 1 << 20;

const MESSAGE: u8 = 1;
const DATA: u8 = 2;

/// What the helper is asked to do: the methods of a writer and of its sinks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// To connect once more: for NARs.
    Connect,
    /// To keep paths.
    Keep(Vec<String>),
    /// How many it may hold.
    AtOnce(usize),
    /// To claim paths.
    Claim(Vec<String>),
    /// To make paths valid.
    Commit(Vec<Info>),
    /// To give a path up.
    Discard(String),
    /// To register realisations.
    Realise(Vec<Realised>),
    /// To write this path: data comes. Only this and the next have no place on the first connection.
    Begin(Info),
    /// That was all of it.
    Finish,
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It was done.
    Done,
    /// These paths are valid.
    Valid(Vec<String>),
    /// So many.
    Count(usize),
    /// What became of a claim.
    Claimed {
        /// Those that are claimed.
        claimed: Vec<String>,
        /// Those that others are making.
        busy: Vec<String>,
        /// Those that are valid.
        valid: Vec<String>,
    },
    /// These were not made valid, each with the reason.
    Refused(Vec<(String, String)>),
    /// It was not done.
    Failed {
        /// What it concerns.
        what: Failure,
        /// Why.
        why: String,
    },
}

/// What a failure concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The content of a NAR.
    Content,
    /// One path.
    Path,
    /// The store.
    Store,
}

/// A [`PathInfo`] in text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    path: String,
    nar_hash: String,
    nar_size: u64,
    references: Vec<String>,
    deriver: Option<String>,
    signatures: Vec<String>,
    ca: Option<String>,
}

/// A [`Realisation`] in text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Realised {
    id: OutputId,
    path: String,
    signatures: Vec<String>,
    needs: Vec<OutputId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OutputId {
    modulo: Option<String>,
    derivation: Option<String>,
    output: String,
}

/// What comes in a frame.
pub enum Frame<T> {
    /// A message.
    Message(T),
    /// So many bytes of the buffer.
    Data(usize),
    /// The other side has closed the connection.
    End,
}

pub(super) fn write_message(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let length = u32::try_from(text.len()).ok().filter(|length| *length <= MAX_MESSAGE);
    let length = length.ok_or_else(|| invalid("too much for one message"))?;
    to.write_all(&[MESSAGE])?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&text)?;
    to.flush()
}

pub(super) fn write_data(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    for bytes in bytes.chunks(MAX_DATA) {
        to.write_all(&[DATA])?;
        to.write_all(&(bytes.len() as u32).to_le_bytes())?;
        to.write_all(bytes)?;
    }
    Ok(())
}

/// Reads a frame; data into `buffer`, of which more than its length is no frame.
///
/// # Errors
/// When it is none, or breaks off.
pub fn read<T: for<'a> Deserialize<'a>>(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<Frame<T>> {
    let mut kind = [0];
    let mut length = [0; 4];
    match from.read_exact(&mut kind) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Frame::End),
        read => read?,
    }
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    match kind[0] {
        DATA => {
            let bytes = buffer.get_mut(..length as usize).ok_or_else(|| invalid("too much data at once"))?;
            from.read_exact(bytes)?;
            Ok(Frame::Data(length as usize))
        }
        MESSAGE if length <= MAX_MESSAGE => {
            let mut text = Vec::new();
            from.take(length.into()).read_to_end(&mut text)?;
            if text.len() < length as usize {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Frame::Message(serde_json::from_slice(&text)?))
        }
        _ => Err(invalid("no message")),
    }
}

/// Names of paths, as text.
pub(super) fn texts<'a>(paths: impl IntoIterator<Item = &'a StorePath>) -> Vec<String> {
    paths.into_iter().map(ToString::to_string).collect()
}

/// Names of paths, from text.
pub(super) fn paths<C: FromIterator<StorePath>>(texts: &[String]) -> io::Result<C> {
    texts.iter().map(|text| parse(text)).collect()
}

pub(super) fn parse<T: FromStr<Err: Display>>(text: &str) -> io::Result<T> {
    text.parse().map_err(|error| invalid(&format!("{text:?}: {error}")))
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl From<&PathInfo> for Info {
    fn from(info: &PathInfo) -> Self {
        Self {
            path: info.path.to_string(),
            nar_hash: info.nar_hash.to_string(),
            nar_size: info.nar_size,
            references: texts(&info.references),
            deriver: info.deriver.as_ref().map(ToString::to_string),
            signatures: info.signatures.iter().map(ToString::to_string).collect(),
            ca: info.ca.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<&Info> for PathInfo {
    type Error = io::Error;

    fn try_from(info: &Info) -> io::Result<Self> {
        let nar_hash = NarHash::parse(&info.nar_hash).map_err(|error| invalid(&error.to_string()))?;
        Ok(Self {
            path: parse(&info.path)?,
            nar_hash,
            nar_size: info.nar_size,
            references: paths(&info.references)?,
            deriver: info.deriver.as_deref().map(parse).transpose()?,
            signatures: all(&info.signatures)?,
            ca: info.ca.as_deref().map(parse).transpose()?,
        })
    }
}

impl From<&Realisation> for Realised {
    fn from(realisation: &Realisation) -> Self {
        Self {
            id: OutputId::from(&realisation.id),
            path: realisation.path.to_string(),
            signatures: realisation.signatures.iter().map(ToString::to_string).collect(),
            needs: realisation.needs.iter().map(OutputId::from).collect(),
        }
    }
}

impl TryFrom<&Realised> for Realisation {
    type Error = io::Error;

    fn try_from(realised: &Realised) -> io::Result<Self> {
        Ok(Self {
            id: RealisationId::try_from(&realised.id)?,
            path: parse(&realised.path)?,
            signatures: all(&realised.signatures)?,
            needs: realised.needs.iter().map(RealisationId::try_from).collect::<io::Result<_>>()?,
        })
    }
}

impl From<&RealisationId> for OutputId {
    fn from(id: &RealisationId) -> Self {
        let (modulo, derivation) = match &id.derivation {
            Derivation::Modulo(hash) => (Some(hash.to_string()), None),
            Derivation::Path(path) => (None, Some(path.to_string())),
        };
        Self { modulo, derivation, output: id.output.clone() }
    }
}

impl TryFrom<&OutputId> for RealisationId {
    type Error = io::Error;

    fn try_from(id: &OutputId) -> io::Result<Self> {
        let derivation = match (&id.modulo, &id.derivation) {
            (Some(hash), None) => {
                Derivation::Modulo(Digest::parse(hash).map_err(|error| invalid(&error.to_string()))?)
            }
            (None, Some(path)) => Derivation::Path(parse(path)?),
            _ => return Err(invalid("a realisation without a derivation")),
        };
        Ok(Self { derivation, output: id.output.clone() })
    }
}

fn all<T: FromStr<Err: Display> + Ord>(texts: &[String]) -> io::Result<BTreeSet<T>> {
    texts.iter().map(|text| parse(text)).collect()
}

impl From<Claimed> for Answer {
    fn from(Claimed { claimed, busy, valid }: Claimed) -> Self {
        Self::Claimed { claimed: texts(&claimed), busy: texts(&busy), valid: texts(&valid) }
    }
}

impl From<WriterError> for Answer {
    fn from(error: WriterError) -> Self {
        Self::Failed { what: Failure::Store, why: crate::text::chain(&*error.0) }
    }
}

impl From<SinkError> for Answer {
    fn from(error: SinkError) -> Self {
        let (what, error) = match error {
            SinkError::Content(error) => (Failure::Content, error),
            SinkError::Path(error) => (Failure::Path, error),
            SinkError::Store(error) => (Failure::Store, error),
        };
        Self::Failed { what, why: crate::text::chain(&*error) }
    }
}
