//! Sessions: a cookie that holds the token, sealed with a secret of the server (AES-256-GCM), so that nobody can read it
//! there or use it anywhere else. Whoever comes with it is who the token says, at each request anew: a session ends with
//! its token, and when the token is revoked.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use cookie::{Cookie, CookieJar, Key, SameSite, time};

use crate::service::Service;

/// How long a session lasts at the most, in seconds.
const LASTS: i64 = 12 * 3600;
/// Bytes of a cookie that every browser keeps (RFC 6265, section 6.1), its attributes left out.
const MOST: usize = 4000;

/// The cookies of one server.
pub(super) struct Sessions {
    key: Key,
    name: &'static str,
    secure: bool,
}

impl Sessions {
    /// Those of this service.
    pub(super) fn of(service: &Service) -> Self {
        let secure = service.settings().public_url.starts_with("https://");
        // A name that begins so is accepted over TLS and from this very host only.
        let name = if secure { "__Host-snowbank" } else { "snowbank" };
        Self { key: Key::derive_from(service.session_secret()), name, secure }
    }

    /// The value of `Set-Cookie` that begins a session at `now`, in seconds since 1970; none where the token is too long
    /// for a cookie.
    pub(super) fn begin(&self, token: &str, now: i64) -> Option<HeaderValue> {
        let value = format!("{} {token}", now.saturating_add(LASTS));
        let mut jar = CookieJar::new();
        jar.private_mut(&self.key).add(Cookie::new(self.name, value));
        let mut cookie = jar.get(self.name)?.clone();
        if cookie.value().len() > MOST {
            return None;
        }
        self.dress(&mut cookie, LASTS);
        HeaderValue::try_from(cookie.to_string()).ok()
    }

    /// The value of `Set-Cookie` that ends a session.
    pub(super) fn end(&self) -> Option<HeaderValue> {
        let mut cookie = Cookie::new(self.name, "");
        self.dress(&mut cookie, 0);
        HeaderValue::try_from(cookie.to_string()).ok()
    }

    /// The token of a request's session, if it has one that is not over at `now`.
    pub(super) fn token(&self, headers: &HeaderMap, now: i64) -> Option<String> {
        let texts = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut cookies = texts.flat_map(|text| Cookie::split_parse(text.to_owned())).filter_map(Result::ok);
        let cookie = cookies.find(|cookie| cookie.name() == self.name)?;
        let opened = CookieJar::new().private(&self.key).decrypt(cookie)?;
        let (until, token) = opened.value().split_once(' ')?;
        (until.parse::<i64>().ok()? > now).then(|| token.to_owned())
    }

    fn dress(&self, cookie: &mut Cookie<'_>, seconds: i64) {
        cookie.set_path("/");
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Strict);
        cookie.set_max_age(time::Duration::seconds(seconds));
        if self.secure {
            cookie.set_secure(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sessions(secret: u8, secure: bool) -> Sessions {
        let name = if secure { "__Host-snowbank" } else { "snowbank" };
        Sessions { key: Key::derive_from(&[secret; 32]), name, secure }
    }

    fn sent(set: &HeaderValue) -> HeaderMap {
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, format!("a=b; {pair}; c").parse().unwrap())])
    }

    #[test]
    fn a_session_is_its_token_until_it_ends() {
        let own = sessions(1, false);
        let set = own.begin("a.b.c", 1000).unwrap();
        assert!(!set.to_str().unwrap().contains("a.b.c"), "{set:?}");
        assert_eq!(own.token(&sent(&set), 1000 + LASTS - 1).as_deref(), Some("a.b.c"));
        assert_eq!(own.token(&sent(&set), 1000 + LASTS), None);
        assert_eq!(sessions(2, false).token(&sent(&set), 1000), None);
        assert_eq!(own.token(&sent(&own.end().unwrap()), 1000), None);
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_and_other_sites() {
        let told = |secure| sessions(1, secure).begin("t", 0).unwrap().to_str().unwrap().to_owned();
        for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
            assert!(told(false).contains(attribute), "{}", told(false));
        }
        assert!(!told(false).contains("Secure"));
        assert!(told(true).starts_with("__Host-snowbank=") && told(true).contains("; Secure"));
    }

    #[test]
    fn a_token_that_no_browser_would_keep_begins_no_session() {
        assert!(sessions(1, false).begin(&"x".repeat(2900), 0).is_some());
        assert!(sessions(1, false).begin(&"x".repeat(3100), 0).is_none());
    }

    proptest! {
        #[test]
        fn no_other_cookie_opens_anything(text in "[ -~]{0,60}", at: prop::sample::Index, byte in 33u8..127) {
            let own = sessions(1, false);
            let header = |text: &str| text.parse().map(|value| HeaderMap::from_iter([(COOKIE, value)]));
            for text in [text.clone(), format!("snowbank={text}")] {
                if let Ok(headers) = header(&text) {
                    prop_assert_eq!(own.token(&headers, 0), None);
                }
            }
            let set = own.begin("t", 0).unwrap();
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            let mut bytes = pair.clone().into_bytes();
            let at = "snowbank=".len() + at.index(bytes.len() - "snowbank=".len());
            bytes[at] = byte;
            let changed = String::from_utf8(bytes).unwrap();
            if changed != pair && let Ok(headers) = header(&changed) {
                prop_assert_eq!(own.token(&headers, 0), None);
            }
        }
    }
}
