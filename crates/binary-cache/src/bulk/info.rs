//! A path's info as a message.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use prost::Message;
use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;

/// Signatures, and a hundred times as many references, that are read of one path.
const MOST: usize = 256;

/// All that is known of a path. Store paths are written without the store's directory.
#[derive(Clone, PartialEq, Message)]
pub struct WireInfo {
    /// The path.
    #[prost(string, tag = "1")]
    pub path: String,
    /// The SHA-256 of its NAR.
    #[prost(bytes = "vec", tag = "2")]
    pub nar_hash: Vec<u8>,
    /// Bytes of its NAR.
    #[prost(uint64, tag = "3")]
    pub nar_size: u64,
    /// What it refers to.
    #[prost(string, repeated, tag = "4")]
    pub references: Vec<String>,
    /// What made it; empty for nothing known.
    #[prost(string, tag = "5")]
    pub deriver: String,
    /// `NAME:BASE64`.
    #[prost(string, repeated, tag = "6")]
    pub signatures: Vec<String>,
    /// Its content address; empty for none.
    #[prost(string, tag = "7")]
    pub ca: String,
}

/// A message does not tell of a path as it should.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is no {what}", .text.escape_debug())]
pub struct InfoError {
    what: &'static str,
    text: String,
}

impl From<&PathInfo> for WireInfo {
    fn from(info: &PathInfo) -> Self {
        Self {
            path: info.path.to_string(),
            nar_hash: info.nar_hash.bytes().to_vec(),
            nar_size: info.nar_size,
            references: info.references.iter().map(ToString::to_string).collect(),
            deriver: info.deriver.as_ref().map(ToString::to_string).unwrap_or_default(),
            signatures: info.signatures.iter().map(ToString::to_string).collect(),
            ca: info.ca.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl TryFrom<WireInfo> for PathInfo {
    type Error = InfoError;

    fn try_from(info: WireInfo) -> Result<Self, InfoError> {
        let filled = |text: String| (!text.is_empty()).then_some(text);
        if info.signatures.len() > MOST || info.references.len() > MOST * 100 {
            return Err(InfoError { what: "path of a sane size", text: info.path });
        }
        Ok(Self {
            path: parse("store path", &info.path)?,
            nar_hash: nar_hash(&info.nar_hash)?,
            nar_size: info.nar_size,
            references: all("store path", &info.references)?,
            deriver: filled(info.deriver).map(|text| parse("store path", &text)).transpose()?,
            signatures: all("signature", &info.signatures)?,
            ca: filled(info.ca).map(|text| parse("content address", &text)).transpose()?,
        })
    }
}

/// The hash of a NAR, as messages have it.
pub(super) fn nar_hash(bytes: &[u8]) -> Result<NarHash, InfoError> {
    let wrong = || InfoError { what: "NAR hash", text: format!("{} bytes", bytes.len()) };
    Ok(NarHash::from_bytes(bytes.try_into().map_err(|_| wrong())?))
}

fn all<T: FromStr<Err: Display> + Ord>(
    what: &'static str,
    texts: &[String],
) -> Result<BTreeSet<T>, InfoError> {
    texts.iter().map(|text| parse(what, text)).collect()
}

fn parse<T: FromStr<Err: Display>>(what: &'static str, text: &str) -> Result<T, InfoError> {
    text.parse().map_err(|_| InfoError { what, text: text.to_owned() })
}
