//! What is believed of what an upstream cache tells of a path.

use std::sync::Arc;

use snowbank_nix::{nar_info::NarInfo, path_info::PathInfo, store_path::StoreDir};

use super::{NarInfoProblem, UpstreamError, site::Site, thread::on_thread};

impl Site {
    /// What it tells of the path of `info`, checked: the same content, signed by one of its keys. `None` when it does
    /// not have the path.
    pub(super) async fn find(
        self: &Arc<Self>,
        info: &Arc<PathInfo>,
        dir: &StoreDir,
    ) -> Result<Option<NarInfo>, UpstreamError> {
        let Some(text) = self.told(info.path.hash_part(), dir).await? else { return Ok(None) };
        let (site, info, dir) = (Arc::clone(self), Arc::clone(info), dir.clone());
        on_thread(move || site.judge_known(text, &info, &dir)).await.map(Some)
    }

    /// What it tells of the path with this hash part, of which nothing is known here, checked: a path with this hash
    /// part, signed by one of its keys, or one that follows from its NAR's hash. `None` when it does not have the path.
    pub(super) async fn query(
        self: &Arc<Self>,
        hash_part: &str,
        dir: &StoreDir,
    ) -> Result<Option<NarInfo>, UpstreamError> {
        let Some(text) = self.told(hash_part, dir).await? else { return Ok(None) };
        let (site, hash_part, dir) = (Arc::clone(self), hash_part.to_owned(), dir.clone());
        on_thread(move || site.judge_unknown(text, &hash_part, &dir)).await.map(Some)
    }

    /// Whether what it tells is about the same content, and signed by one of its keys.
    fn judge_known(&self, text: Vec<u8>, info: &PathInfo, dir: &StoreDir) -> Result<NarInfo, UpstreamError> {
        let found = self.parse(text, info.path.base_name(), dir)?;
        let content =
            |info: &PathInfo| (info.path.clone(), info.nar_hash, info.nar_size, info.references.clone());
        if content(&found.info) != content(info) {
            return Err(UpstreamError::Differs { host: self.name(), path: info.path.clone() });
        }
        if !self.signed(&found.info, dir) {
            return Err(UpstreamError::Unsigned { host: self.name(), path: info.path.clone() });
        }
        Ok(found)
    }

    /// Whether what it tells is about a path with this hash part, and needs no belief beyond that in its keys.
    fn judge_unknown(
        &self,
        text: Vec<u8>,
        hash_part: &str,
        dir: &StoreDir,
    ) -> Result<NarInfo, UpstreamError> {
        let found = self.parse(text, hash_part, dir)?;
        if found.info.path.hash_part() != hash_part {
            let asked = hash_part.to_owned();
            return Err(UpstreamError::Other { host: self.name(), asked, found: found.info.path });
        }
        // That the NAR has this hash is checked when it comes. Any other address would have to be computed from what is
        // in the NAR, so such paths need a signature like all others.
        let proven = found.info.nar_size > 0 && found.info.follows_from_nar_hash(dir);
        if !proven && !self.signed(&found.info, dir) {
            return Err(UpstreamError::Unsigned { host: self.name(), path: found.info.path });
        }
        Ok(found)
    }

    fn parse(&self, text: Vec<u8>, path: &str, dir: &StoreDir) -> Result<NarInfo, UpstreamError> {
        let problem = |source| UpstreamError::NarInfo { host: self.name(), path: path.to_owned(), source };
        let text = String::from_utf8(text).map_err(|_| problem(NarInfoProblem::Text))?;
        NarInfo::parse(&text, dir).map_err(|error| problem(error.into()))
    }
}
