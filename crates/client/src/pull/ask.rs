//! Asking the server for a closure.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;
use reqwest::Method;
use snowbank_binary_cache::bulk::{ClosureWanted, MAX_HAVE};
use snowbank_nix::store_path::StorePath;

use super::PullError;
use super::here::Here;
use super::plan::{MAX_RECORDS, Plan};
use crate::site::Site;

/// Bytes of the answer: the records of all frames, and a thousand for each path.
const MOST: usize = MAX_RECORDS + (64 << 20);

/// What the server has of the closure of `roots` that is not `here`. Holds the answer while it is read.
pub(super) async fn ask(site: &Site, roots: &BTreeSet<StorePath>, here: &Here) -> Result<Plan, PullError> {
    let roots = roots.iter().filter(|path| !here.has(path)).map(|path| path.hash_part().to_owned());
    let question = ClosureWanted { roots: roots.collect(), have: have(here) };
    if question.roots.is_empty() {
        return Ok(Plan::default());
    }
    let question = Bytes::from(question.encode_to_vec());
    let answer = site.send("ask for a closure", Method::POST, "closure", question, MOST).await?;
    tokio::task::spawn_blocking(move || Plan::decode(&answer))
        .await
        .map_err(|_| PullError::Lost)?
        .map_err(Into::into)
}

/// Nothing where there is too much: then more is told than is needed, and left.
fn have(here: &Here) -> Vec<u8> {
    let paths = here.sorted();
    if paths.len() > MAX_HAVE {
        return Vec::new();
    }
    let mut have: Vec<&[u8]> = paths.iter().map(|path| path.hash_part().as_bytes()).collect();
    have.dedup();
    have.concat()
}
