//! NARs made of frames that are there.

use std::collections::{BTreeSet, HashMap};

use prost::Message;
use reqwest::{Method, StatusCode};
use snowbank_actions::client::ClientError;
use snowbank_binary_cache::bulk::{MAX_MESSAGE, NewNar, NewNars, Run, Source, source};
use snowbank_nix::hash::NarHash;

use super::missing::Sources;
use super::send::Sent;
use crate::site::Site;
use crate::snapshot::{self, Recipe};

/// Bytes of NARs in one message, if it has more than one: the server reads them all before it answers.
const BATCH: u64 = 64 << 20;

/// NARs in one message.
const MOST: usize = 1024;

/// A NAR and where its frames are.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) hash: NarHash,
    pub(super) size: u64,
    pub(super) recipe: Recipe,
}

/// These NARs, as many together as one message may tell of.
pub(super) fn batches(made: Vec<Made>) -> Vec<Vec<Made>> {
    let (mut batches, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for nar in made {
        let full = bytes + nar.size > BATCH || batch.len() == MOST;
        if full && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += nar.size;
        batch.push(nar);
    }
    batches.extend((!batch.is_empty()).then_some(batch));
    batches
}

/// The packs that these NARs are made of, by number.
pub(super) fn packs(batch: &[Made]) -> BTreeSet<u32> {
    batch.iter().flat_map(|nar| &nar.recipe.0).map(|run| run.pack).collect()
}

/// The message that tells of these NARs; `sent` are the packs that were sent. None where one of theirs was not.
pub(super) fn message(batch: &[Made], sources: &Sources, sent: &Sent) -> Option<NewNars> {
    let mut places = HashMap::new();
    let mut message = NewNars::default();
    for number in packs(batch) {
        let source = match sources.get(number) {
            Some(source) => source.clone(),
            None => Source { of: Some(source::Of::Pack(sent.get(&number)?.as_bytes().to_vec())) },
        };
        places.insert(number, message.sources.len() as u32);
        message.sources.push(source);
    }
    for nar in batch {
        let run = |run: &snapshot::Run| {
            Some(Run { source: *places.get(&run.pack)?, first: run.first, count: run.count })
        };
        let runs = nar.recipe.0.iter().map(run).collect::<Option<_>>()?;
        message.nars.push(NewNar { hash: nar.hash.bytes().to_vec(), runs });
    }
    Some(message)
}

/// NARs that the server refused, each with the reason.
pub(super) type Refused = Vec<(NarHash, String)>;

/// Has the server make NARs. One that it finds not to be what it should refuses all of them, so then each is tried alone.
pub(super) async fn make(site: &Site, message: NewNars) -> Result<Refused, ClientError> {
    if send(site, &message).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut refused = Vec::new();
    let NewNars { sources, nars } = message;
    for nar in nars {
        let hash = nar.hash.clone().try_into().map(NarHash::from_bytes);
        let alone = NewNars { sources: sources.clone(), nars: vec![nar] };
        if let (Some(why), Ok(hash)) = (send(site, &alone).await?, hash) {
            refused.push((hash, why));
        }
    }
    Ok(refused)
}

/// Why a message was refused, if it was for what it says.
async fn send(site: &Site, message: &NewNars) -> Result<Option<String>, ClientError> {
    let body = message.encode_to_vec().into();
    match site.send("have NARs made of what was sent", Method::POST, "nars", body, MAX_MESSAGE).await {
        Ok(_) => Ok(None),
        Err(ClientError::Rejected { status: StatusCode::BAD_REQUEST, message, .. }) => {
            Ok(Some(message.trim_start_matches(": ").to_owned()))
        }
        Err(error) => Err(error),
    }
}
