//! One upstream cache.

use std::{
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
    sync::Arc,
};

use reqwest::{Response, header::HeaderMap};
use snowbank_nix::{
    nar_info::NarInfo,
    path_info::PathInfo,
    store_path::{StoreDir, StorePath},
};
use tokio::sync::OnceCell;
use url::Url;

use crate::decoder;

use super::{
    CacheInfo, Failure, NarInfoProblem, Upstream, UpstreamError, UpstreamOptions,
    address::Address,
    client::Web,
    file::{open, read},
    health::Health,
    http,
    retry::Retry,
    thread::on_thread,
};

/// Bytes of the largest `.narinfo` that is read.
const MOST_NARINFO: usize = 1 << 20;

/// Bytes of the largest `nix-cache-info` that is read.
const MOST_CACHE_INFO: usize = 64 << 10;

/// One upstream cache, and what is known of it by now.
pub(super) struct Site {
    upstream: Upstream,
    address: Address,
    web: Arc<Web>,
    health: Health,
    info: OnceCell<Option<CacheInfo>>,
}

impl Site {
    pub(super) fn new(upstream: Upstream, web: Arc<Web>) -> Result<Self, UpstreamError> {
        let address = Address::new(&upstream.url)?;
        Ok(Self { upstream, address, web, health: Health::default(), info: OnceCell::new() })
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(super) fn options(&self) -> &UpstreamOptions {
        &self.web.options
    }

    /// How people are told of it.
    pub(super) fn name(&self) -> String {
        self.address.name().to_owned()
    }

    /// Whether there is use in asking it for `what`.
    pub(super) fn alive(&self, what: &str) -> Result<(), UpstreamError> {
        match self.health.dead() {
            Some(reason) => Err(self.failed(what, reason)),
            None => Ok(()),
        }
    }

    fn failed(&self, what: &str, source: Arc<Failure>) -> UpstreamError {
        UpstreamError::Failed { host: self.name(), what: what.to_owned(), source }
    }

    /// The error of something that it did not give after all patience, which counts against it.
    pub(super) fn lost(&self, what: &str, failure: Failure) -> UpstreamError {
        self.failed(what, self.health.bad(failure))
    }

    /// What it tells of the path with this hash part; `None` when it does not have the path.
    pub(super) async fn told(
        &self,
        hash_part: &str,
        dir: &StoreDir,
    ) -> Result<Option<Vec<u8>>, UpstreamError> {
        self.check(dir).await?;
        self.text(&format!("{hash_part}.narinfo"), MOST_NARINFO).await
    }

    /// Whether one of its keys made one of the signatures of `info`.
    pub(super) fn signed(&self, info: &PathInfo, dir: &StoreDir) -> bool {
        info.signer(dir, &self.upstream.keys).is_some()
    }

    /// Where the NAR is of which the cache told.
    pub(super) fn nar(&self, found: &NarInfo) -> Result<Url, UpstreamError> {
        let problem = |path: &StorePath| UpstreamError::NarInfo {
            host: self.name(),
            path: path.to_string(),
            source: NarInfoProblem::Url,
        };
        self.address.resolve(&found.url).ok_or_else(|| problem(&found.info.path))
    }

    /// Opens the file at `url` if this cache is a folder; `Ok(None)` inside when it is not there.
    pub(super) async fn open(&self, url: &Url) -> Option<Result<Option<File>, Failure>> {
        let path = self.file(url)?;
        Some(on_thread(move || open(&path)).await.map_err(Failure::File))
    }

    fn file(&self, url: &Url) -> Option<PathBuf> {
        if self.address.is_web() { None } else { url.to_file_path().ok() }
    }

    /// Whether it can be used for the store in `dir`; asked once.
    async fn check(&self, dir: &StoreDir) -> Result<(), UpstreamError> {
        let ask = || async {
            let text = self.text("nix-cache-info", MOST_CACHE_INFO).await;
            if let Err(UpstreamError::Failed { source, .. }) = &text {
                self.health.end(Arc::clone(source));
            }
            Ok::<_, UpstreamError>(text?.map(|text| CacheInfo::parse(&String::from_utf8_lossy(&text))))
        };
        match self.info.get_or_try_init(ask).await? {
            None => Err(UpstreamError::NoCache { host: self.name() }),
            Some(info) if info.is_for(dir) => Ok(()),
            Some(info) => Err(UpstreamError::OtherStore {
                host: self.name(),
                found: info.store_dir.clone().unwrap_or_default(),
                wanted: dir.clone(),
            }),
        }
    }

    /// A small file; `None` when it is not there.
    async fn text(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, UpstreamError> {
        self.alive(name)?;
        let Some(url) = self.address.resolve(name) else { return Ok(None) };
        let got = match self.file(&url) {
            Some(path) => on_thread(move || read(&path, most)).await.map_err(Failure::File),
            None => self.small(&url, most).await,
        };
        got.map_err(|failure| self.lost(name, failure))
    }

    async fn small(&self, url: &Url, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        let mut retry = Retry::new(self.options());
        loop {
            match self.small_once(url, most).await {
                Ok(got) => return Ok(got),
                Err(failure) => self.retry(&mut retry, failure).await?,
            }
        }
    }

    async fn small_once(&self, url: &Url, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        let Some(answer) = self.get(url, HeaderMap::new()).await? else { return Ok(None) };
        let encoding = http::encoding(answer.headers())?;
        let body = http::whole(answer, most, self.options().stall).await?;
        self.good();
        let Some(encoding) = encoding else { return Ok(Some(body)) };
        let plain = on_thread(move || {
            let mut plain = Vec::new();
            let reader = decoder(encoding, Box::new(io::Cursor::new(body)))?;
            let reader = reader.ok_or(io::ErrorKind::Unsupported)?;
            reader.take(most as u64 + 1).read_to_end(&mut plain).map(|_| plain)
        });
        let plain = plain.await.map_err(|_| Failure::Encoding(encoding.name().to_owned()))?;
        if plain.len() > most { Err(Failure::TooLarge(most as u64)) } else { Ok(Some(plain)) }
    }

    /// Asks once, with what the server must be told to answer; `None` when it is not there.
    pub(super) async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Option<Response>, Failure> {
        let request = self.web.client().await?.get(url.clone()).headers(headers);
        let request = match self.address.login_for(url) {
            Some(login) => request.basic_auth(&login.user, login.password.as_ref()),
            None => request,
        };
        let answer = self.web.send(request).await?;
        if answer.is_none() {
            self.good();
        }
        Ok(answer)
    }

    /// It gave a whole answer.
    pub(super) fn good(&self) {
        self.health.good();
    }

    /// Waits until something may be tried again, unless others found meanwhile that there is no use in it.
    pub(super) async fn retry(&self, retry: &mut Retry<'_>, failure: Failure) -> Result<(), Failure> {
        if self.health.dead().is_some() { Err(failure) } else { retry.after(failure).await }
    }
}
