//! NARs made of frames that are there.

use std::collections::HashMap;

use prost::Message;
use reqwest::{Method, StatusCode};
use snowbank_actions::client::ClientError;
use snowbank_binary_cache::bulk::{MAX_MESSAGE, NewNar, NewNars, Run, Source, source};
use snowbank_cas::id::ObjectHash;
use snowbank_nix::hash::NarHash;

use super::PushError;
use super::missing::Sources;
use crate::site::Site;
use crate::snapshot::Recipe;

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

/// Messages that tell of all of these NARs; `sent` are the packs that were sent, by number.
pub(super) fn batches(
    made: Vec<Made>,
    sources: &Sources,
    sent: &HashMap<u32, ObjectHash>,
) -> Result<Vec<NewNars>, PushError> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Batch::default(), 0);
    for nar in made {
        let full = bytes + nar.size > BATCH || batch.message.nars.len() == MOST;
        if full && !batch.message.nars.is_empty() {
            batches.push(std::mem::take(&mut batch).message);
            bytes = 0;
        }
        bytes += nar.size;
        batch.add(&nar, |number| match sources.get(number) {
            Some(source) => Some(source.clone()),
            None => Some(Source { of: Some(source::Of::Pack(sent.get(&number)?.as_bytes().to_vec())) }),
        })?;
    }
    if !batch.message.nars.is_empty() {
        batches.push(batch.message);
    }
    Ok(batches)
}

#[derive(Default)]
struct Batch {
    message: NewNars,
    /// The place in the message of each source that it names.
    places: HashMap<u32, u32>,
}

impl Batch {
    fn add(&mut self, nar: &Made, source: impl Fn(u32) -> Option<Source>) -> Result<(), PushError> {
        let mut runs = Vec::with_capacity(nar.recipe.0.len());
        for run in &nar.recipe.0 {
            let place = match self.places.get(&run.pack) {
                Some(place) => *place,
                None => {
                    let place = self.message.sources.len() as u32;
                    self.message.sources.push(source(run.pack).ok_or(PushError::Lost)?);
                    self.places.insert(run.pack, place);
                    place
                }
            };
            runs.push(Run { source: place, first: run.first, count: run.count });
        }
        self.message.nars.push(NewNar { hash: nar.hash.bytes().to_vec(), runs });
        Ok(())
    }
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
