//! A plain client of the cache protocol (v2 in JSON, and v1), for tests that need to say exactly what is sent and
//! when; the npm clients choose for themselves.

use bytes::Bytes;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

/// Talks to one server with one token.
#[derive(Clone, Debug)]
pub struct WireClient {
    url: String,
    token: String,
    user_agent: String,
    http: reqwest::Client,
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireHit {
    /// The key that matched.
    pub key: String,
    /// Where its bytes are.
    pub url: String,
}

/// An answer that was not a success, or no answer.
#[derive(Debug)]
pub struct WireError {
    /// The status, when there was an answer.
    pub status: Option<StatusCode>,
    /// The body, or what went wrong.
    pub text: String,
}

/// The result of a call.
pub type WireResult<T> = Result<T, WireError>;

impl WireClient {
    /// A client that calls itself what the npm client does, so that its archives may be recoded.
    #[must_use]
    pub fn new(url: &str, token: &str) -> Self {
        // Another crate of the same process may have chosen a TLS implementation before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self {
            url: url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            user_agent: "@actions/cache-6.3.0".to_owned(),
            http,
        }
    }

    /// The same client under another name: its uploads must come back bit for bit.
    #[must_use]
    pub fn named(&self, user_agent: &str) -> Self {
        Self { user_agent: user_agent.to_owned(), ..self.clone() }
    }

    /// The same client against another server, or the same after a restart.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), ..self.clone() }
    }

    /// One Twirp call.
    pub async fn twirp(&self, method: &str, body: &Value) -> WireResult<Value> {
        let url = format!("{}/twirp/github.actions.results.api.v1.CacheService/{method}", self.url);
        let request = self.http.post(url).bearer_auth(&self.token).header("user-agent", &self.user_agent);
        let answer = success(request.json(body).send().await).await?;
        answer.json().await.map_err(no_answer)
    }

    /// Reserves and returns the upload URL.
    pub async fn create(&self, key: &str, version: &str) -> WireResult<String> {
        let answer = self.twirp("CreateCacheEntry", &json!({ "key": key, "version": version })).await?;
        let url = answer["signed_upload_url"].as_str().filter(|_| answer["ok"] == true);
        url.map(str::to_owned).ok_or_else(|| WireError { status: None, text: answer.to_string() })
    }

    /// Sends the whole content at once.
    pub async fn put_blob(&self, url: &str, content: impl Into<Bytes>) -> WireResult<()> {
        let request = self.http.put(url).header("x-ms-blob-type", "BlockBlob").body(content.into());
        success(request.send().await).await.map(|_| ())
    }

    /// Sends one block.
    pub async fn put_block(&self, url: &str, id: &str, content: impl Into<Bytes>) -> WireResult<()> {
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let request = self.http.put(format!("{url}&comp=block&blockid={id}")).body(content.into());
        success(request.send().await).await.map(|_| ())
    }

    /// Puts the blocks in order.
    pub async fn put_block_list(&self, url: &str, ids: &[&str]) -> WireResult<()> {
        let list: String = ids.iter().map(|id| format!("<Latest>{id}</Latest>")).collect();
        let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{list}</BlockList>");
        let request =
            self.http.put(format!("{url}&comp=blocklist")).header("content-type", "application/xml");
        success(request.body(body).send().await).await.map(|_| ())
    }

    /// Makes the upload visible and returns the entry's number.
    pub async fn finalize(&self, key: &str, version: &str, size: u64) -> WireResult<String> {
        let body = json!({ "key": key, "version": version, "size_bytes": size.to_string() });
        let answer = self.twirp("FinalizeCacheEntryUpload", &body).await?;
        let id = answer["entry_id"].as_str().filter(|_| answer["ok"] == true);
        id.map(str::to_owned).ok_or_else(|| WireError { status: None, text: answer.to_string() })
    }

    /// Reserves, sends everything at once, and makes it visible.
    pub async fn save(&self, key: &str, version: &str, content: &[u8]) -> WireResult<String> {
        let url = self.create(key, version).await?;
        self.put_blob(&url, content.to_vec()).await?;
        self.finalize(key, version, content.len() as u64).await
    }

    /// Looks up `keys`, the primary key first. `None` is a miss.
    pub async fn lookup(&self, keys: &[&str], version: &str) -> WireResult<Option<WireHit>> {
        let (key, restore_keys) = keys.split_first().expect("a key");
        let body = json!({ "key": key, "restore_keys": restore_keys, "version": version });
        let answer = self.twirp("GetCacheEntryDownloadURL", &body).await?;
        if answer["ok"] != true {
            return Ok(None);
        }
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Ok(Some(WireHit { key: text("matched_key"), url: text("signed_download_url") }))
    }

    /// Fetches a signed URL, whole.
    pub async fn fetch(&self, url: &str) -> WireResult<Bytes> {
        success(self.http.get(url).send().await).await?.bytes().await.map_err(no_answer)
    }

    /// Looks up and fetches. `None` is a miss.
    pub async fn restore(&self, keys: &[&str], version: &str) -> WireResult<Option<(String, Bytes)>> {
        match self.lookup(keys, version).await? {
            Some(hit) => Ok(Some((hit.key, self.fetch(&hit.url).await?))),
            None => Ok(None),
        }
    }

    /// Any request, with this client's token; whatever the answer is.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Response {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        let request =
            self.http.request(method, url).bearer_auth(&self.token).header("user-agent", &self.user_agent);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(body).send().await.expect("an answer")
    }

    /// Saves by the v1 protocol in ranges of `step` bytes, the last range first.
    pub async fn save_v1(&self, key: &str, version: &str, content: &[u8], step: usize) -> WireResult<()> {
        let base = format!("{}/_apis/artifactcache/caches", self.url);
        let post = |url: String, body: Value| self.http.post(url).bearer_auth(&self.token).json(&body).send();
        let body = json!({ "key": key, "version": version, "cacheSize": content.len() });
        let answer: Value = success(post(base.clone(), body).await).await?.json().await.map_err(no_answer)?;
        let url = format!("{base}/{}", answer["cacheId"]);
        for (at, part) in content.chunks(step).enumerate().collect::<Vec<_>>().into_iter().rev() {
            let first = at * step;
            let range = format!("bytes {first}-{}/*", first + part.len() - 1);
            let request = self.http.patch(&url).bearer_auth(&self.token).header("content-range", range);
            success(request.body(part.to_vec()).send().await).await?;
        }
        success(post(url, json!({ "size": content.len() })).await).await.map(|_| ())
    }

    /// Restores by the v1 protocol. `None` is a miss.
    pub async fn restore_v1(&self, keys: &str, version: &str) -> WireResult<Option<(String, Bytes)>> {
        let url = format!("{}/_apis/artifactcache/cache", self.url);
        let request =
            self.http.get(url).query(&[("keys", keys), ("version", version)]).bearer_auth(&self.token);
        let answer = success(request.send().await).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let answer: Value = answer.json().await.map_err(no_answer)?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Ok(Some((text("cacheKey"), self.fetch(&text("archiveLocation")).await?)))
    }
}

async fn success(answer: reqwest::Result<Response>) -> WireResult<Response> {
    let answer = answer.map_err(no_answer)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    Err(WireError { status: Some(status), text: answer.text().await.unwrap_or_default() })
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn no_answer(error: reqwest::Error) -> WireError {
    WireError { status: error.status(), text: error.to_string() }
}
