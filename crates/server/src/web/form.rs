//! What a form sends.

use axum::body::Body;
use axum::http::StatusCode;
use url::form_urlencoded;

use super::failure::Failure;
use crate::http::body::{self, ReadError};
use crate::service::Service;

/// Bytes of a form at the most: so many numbers as can be deleted at once, and a path to go back to.
const MOST: usize = 64 << 10;

/// The fields of a form, in the order in which they were sent.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body of 64 KiB at the most.
    pub(super) async fn read(service: &Service, body: Body) -> Result<Self, Failure> {
        let bytes = body::read(body, MOST, service.settings().times.body_idle.0).await;
        let bytes = bytes.map_err(|error| match error {
            ReadError::TooLarge { .. } => {
                let message = "This is more than a form can send. Choose fewer lines.";
                Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message)
            }
            ReadError::Body(_) => {
                Failure::new(StatusCode::REQUEST_TIMEOUT, "The form broke off on its way. Send it again.")
            }
        })?;
        Ok(Self::parse(&bytes))
    }

    fn parse(bytes: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(bytes);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The first field of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every field of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// `to` if it is a path of this server: nobody is led away from it by a link that somebody else wrote.
pub(super) fn own_path(to: &str) -> Option<&str> {
    let plain = to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    (plain && to.starts_with('/') && !to.starts_with("//") && to.len() <= 2000).then_some(to)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_may_come_several_times() {
        let form = Form::parse(b"id=1&id=2%2C3&token=a+b");
        assert_eq!(form.all("id").collect::<Vec<_>>(), ["1", "2,3"]);
        assert_eq!((form.get("token"), form.get("x")), (Some("a b"), None));
    }

    #[test]
    fn only_paths_of_this_server_are_led_to() {
        assert_eq!(own_path("/r/a/b?key=%2F"), Some("/r/a/b?key=%2F"));
        for to in ["", "r", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/ä"] {
            assert_eq!(own_path(to), None, "{to}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_some_form(bytes: Vec<u8>) {
            let form = Form::parse(&bytes);
            prop_assert!(form.0.len() <= bytes.len());
        }

        #[test]
        fn a_path_stays_on_this_server(to in "[/\\\\a:.@? ]{0,12}") {
            if let Some(path) = own_path(&to) {
                let base = url::Url::parse("http://here.example/x").unwrap();
                let led = base.join(path).unwrap();
                prop_assert_eq!(led.host_str(), Some("here.example"));
            }
        }
    }
}
