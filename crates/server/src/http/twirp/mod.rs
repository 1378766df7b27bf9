//! `CacheService` over Twirp, in JSON and in protobuf.

mod failure;
mod methods;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use snowbank_actions::twirp::{Code, Encoding, MAX_MESSAGE_BYTES, SERVICE, Wire};

use self::failure::Failure;
use super::body;
use super::site::Site;
use crate::service::{Caller, Service};

/// Answers a call. Whatever is wrong with it, the answer is a Twirp error.
pub(super) async fn call(State(service): State<Service>, site: Site, request: Request) -> Response {
    answer(&service, &site, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(service: &Service, site: &Site, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let method = method(parts.uri.path()).filter(|_| parts.method == Method::POST);
    let Some(method) = method else {
        return Err(Failure::new(
            Code::BadRoute,
            format!("there is no method {} {}", parts.method, parts.uri.path()),
        ));
    };
    let content_type = parts.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let encoding = Encoding::of_content_type(content_type).ok_or_else(|| {
        Failure::new(Code::BadRoute, "a message is application/json or application/protobuf")
    })?;
    // Before the body: strangers cost nothing.
    let caller = site.caller(service).await?;
    let call = Call { service, site, caller, user_agent: user_agent(&parts.headers), encoding, body };
    match method {
        Wanted::Create => call.with(methods::create).await,
        Wanted::Finalize => call.with(methods::finalize).await,
        Wanted::Lookup => call.with(methods::lookup).await,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Create,
    Finalize,
    Lookup,
}

const METHODS: [(&str, Wanted); 3] = [
    ("CreateCacheEntry", Wanted::Create),
    ("FinalizeCacheEntryUpload", Wanted::Finalize),
    ("GetCacheEntryDownloadURL", Wanted::Lookup),
];

/// The methods of the service.
pub(super) fn calls() -> impl Iterator<Item = crate::http::calls::Call> {
    METHODS.iter().map(|(name, _)| crate::http::calls::Call::new("POST", format!("{SERVICE}/{name}")))
}

/// The method that a path names, whatever stands before the service's part of it.
fn method(path: &str) -> Option<Wanted> {
    let (_, rest) = path.split_once(SERVICE.trim_start_matches('/'))?;
    let rest = rest.strip_prefix('/')?;
    METHODS.iter().find(|(name, _)| *name == rest).map(|(_, wanted)| *wanted)
}

fn user_agent(headers: &HeaderMap) -> String {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// Who calls, and how.
struct Context<'a> {
    service: &'a Service,
    site: &'a Site,
    caller: Caller,
    user_agent: String,
}

/// A call whose message has not been read yet.
struct Call<'a> {
    service: &'a Service,
    site: &'a Site,
    caller: Caller,
    user_agent: String,
    encoding: Encoding,
    body: Body,
}

impl<'a> Call<'a> {
    /// Reads the message, has it answered, and writes the answer in the same encoding.
    async fn with<Q, A>(
        self,
        perform: impl AsyncFnOnce(Context<'a>, Q) -> Result<A, Failure>,
    ) -> Result<Response, Failure>
    where
        Q: Wire,
        A: Wire,
    {
        let Self { service, site, caller, user_agent, encoding, body } = self;
        let bytes = body::read(body, MAX_MESSAGE_BYTES, service.settings().times.body_idle.0).await?;
        let message = encoding.decode(&bytes)?;
        let answer = perform(Context { service, site, caller, user_agent }, message).await?;
        Ok(([(CONTENT_TYPE, encoding.content_type())], encoding.encode(&answer)).into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_found_whatever_stands_before() {
        for prefix in ["/", "/prefix/", "/x", "//"] {
            let path = format!("{prefix}{}/CreateCacheEntry", &SERVICE[1..]);
            assert_eq!(method(&path), Some(Wanted::Create), "{path}");
        }
    }

    #[test]
    fn other_methods_are_unknown() {
        for name in
            ["", "/", "/DeleteCacheEntry", "/CreateCacheEntry/", "CreateCacheEntry", "/createcacheentry"]
        {
            assert_eq!(method(&format!("{SERVICE}{name}")), None, "{name}");
        }
        assert_eq!(method("/twirp/other.Service/CreateCacheEntry"), None);
    }
}
