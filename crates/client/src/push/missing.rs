//! The question for what is missing.

use std::collections::{BTreeSet, HashMap};

use prost::Message;
use reqwest::Method;
use snowbank_binary_cache::bulk::{MAX_MESSAGE, Missing, Offer, Offered, Source, source};
use snowbank_cas::id::ChunkHash;
use snowbank_nix::path_info::PathInfo;

use super::PushError;
use crate::packing::FramePlace;
use crate::site::Site;

/// What a cache lacks of what was offered, read from its answer: nothing of that is believed before it was looked at.
#[derive(Debug, Default)]
pub struct Lacking {
    /// Places of paths whose NAR it needs.
    pub nars: Vec<usize>,
    /// Places of paths whose NAR it has.
    pub infos: Vec<usize>,
    /// Where chunks are that need no sending.
    pub(super) sources: Sources,
}

/// Where chunks are that need no sending, each source by its number.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<(Source, Vec<ChunkHash>)>);

impl Sources {
    pub(super) fn len(&self) -> u32 {
        self.0.len() as u32
    }

    pub(super) fn get(&self, number: u32) -> Option<&Source> {
        self.0.get(number as usize).map(|(source, _)| source)
    }

    /// Where each chunk is, the first place of several.
    pub(super) fn places(&self) -> HashMap<ChunkHash, FramePlace> {
        let mut places = HashMap::new();
        for ((_, chunks), number) in self.0.iter().zip(0u32..) {
            for (chunk, frame) in chunks.iter().zip(0u32..) {
                places.entry(*chunk).or_insert((number, frame));
            }
        }
        places
    }
}

/// Asks what of these paths is missing.
pub(super) async fn missing(site: &Site, wanted: &[&PathInfo]) -> Result<Lacking, PushError> {
    let offer =
        |info: &&PathInfo| Offer { path: info.path.to_string(), nar_hash: info.nar_hash.bytes().to_vec() };
    let body = Offered { paths: wanted.iter().map(offer).collect() }.encode_to_vec();
    let answer = site.send("ask what is missing", Method::POST, "missing", body.into(), MAX_MESSAGE).await?;
    Lacking::decode(&answer, wanted.len())
}

impl Lacking {
    /// Reads the answer to an offer of so many paths.
    ///
    /// # Errors
    /// When it is none, names paths that were not offered, or one twice, or tells of chunks that are nowhere.
    pub fn decode(answer: &[u8], offered: usize) -> Result<Self, PushError> {
        let answer = Missing::decode(answer).map_err(|_| PushError::Answer("it is no message"))?;
        let mut seen = BTreeSet::new();
        let mut paths = |places: &[u32]| {
            let path = |&place: &u32| {
                let place = Some(place as usize).filter(|&at| at < offered && seen.insert(at));
                place.ok_or(PushError::Answer("it names paths that were not offered, or one twice"))
            };
            places.iter().map(path).collect::<Result<Vec<_>, _>>()
        };
        let (nars, infos) = (paths(&answer.nars)?, paths(&answer.infos)?);
        let mut sources = Vec::new();
        for known in answer.known {
            let (chunks, rest) = known.chunks.as_chunks::<32>();
            let source = known.source.filter(is_whole).filter(|_| rest.is_empty());
            let source = source.ok_or(PushError::Answer("it tells of chunks that are nowhere"))?;
            sources.push((source, chunks.iter().map(|&hash| ChunkHash::from_bytes(hash)).collect()));
        }
        Ok(Self { nars, infos, sources: Sources(sources) })
    }
}

fn is_whole(source: &Source) -> bool {
    match &source.of {
        Some(source::Of::Pack(hash) | source::Of::Nar(hash)) => hash.len() == 32,
        None => false,
    }
}
