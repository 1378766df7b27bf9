//! Twirp: where the methods are, how their messages are encoded, and how an error looks.
//!
//! Errors are JSON whatever the request's encoding, under exactly `application/json`. Twirp's specification has
//! it so and the clients that speak protobuf rely on it: magic-nix-cache's library decodes an error only under
//! that content type and reports every other one as "unknown error"; OpenDAL looks at the status alone and shows
//! the body as text. To an npm client anything that is not JSON costs half a minute of retries.

use prost::Message;
use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};

/// The path of the service, without the method.
pub const SERVICE: &str = "/twirp/github.actions.results.api.v1.CacheService";

/// Bytes of a message at the most. Ten keys of 512 UTF-16 units, each written as a JSON escape of six bytes, and
/// a version are 34 KiB; no client sends more than the tenth of it.
pub const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// GitHub's answer to a reservation of a slot that is taken. go-actions-cache finds "already exists" in it.
pub const ALREADY_EXISTS: &str = "cache entry with the same key, version, and scope already exists";

/// How a message is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Protobuf's JSON form: the npm client and buildkit.
    Json,
    /// Protobuf: OpenDAL (sccache) and magic-nix-cache.
    Protobuf,
}

/// A message that goes over the wire in both encodings.
pub trait Wire: Message + Default + Serialize + DeserializeOwned {}

impl<T: Message + Default + Serialize + DeserializeOwned> Wire for T {}

/// A message that is not one.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Larger than [`MAX_MESSAGE_BYTES`].
    #[error("the message has {0} bytes, and {MAX_MESSAGE_BYTES} are the most it may have")]
    TooLarge(usize),
    /// Not this message in JSON.
    #[error("the message is not valid JSON of this method")]
    Json(#[source] serde_json::Error),
    /// Not this message in protobuf.
    #[error("the message is not valid protobuf of this method")]
    Protobuf(#[source] prost::DecodeError),
}

impl Encoding {
    /// The encoding that a `Content-Type` names; without one, JSON. `None` for any other.
    #[must_use]
    pub fn of_content_type(value: Option<&str>) -> Option<Self> {
        let value = value.unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        match essence.as_str() {
            "" | "application/json" | "text/json" => Some(Self::Json),
            "application/protobuf" | "application/x-protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }

    /// The `Content-Type` of an answer. magic-nix-cache's library compares it as a whole, so it has no parameters.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/protobuf",
        }
    }

    /// Reads a message.
    pub fn decode<M: Wire>(self, bytes: &[u8]) -> Result<M, MessageError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLarge(bytes.len()));
        }
        match self {
            // serde would take an array of the fields for a message as well.
            Self::Json if bytes.trim_ascii_start().first() != Some(&b'{') => {
                Err(MessageError::Json(serde_json::Error::custom("expected an object")))
            }
            Self::Json => serde_json::from_slice(bytes).map_err(MessageError::Json),
            Self::Protobuf => M::decode(bytes).map_err(MessageError::Protobuf),
        }
    }

    /// Writes a message.
    #[must_use]
    pub fn encode<M: Wire>(self, message: &M) -> Vec<u8> {
        match self {
            // Text, numbers and lists always have a JSON form.
            Self::Json => serde_json::to_vec(message).unwrap_or_default(),
            Self::Protobuf => message.encode_to_vec(),
        }
    }
}

/// Twirp's error codes, as far as this service has a use for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The message cannot be read.
    Malformed,
    /// The message asks for what cannot be.
    InvalidArgument,
    /// No valid token.
    Unauthenticated,
    /// A valid token that does not allow this.
    PermissionDenied,
    /// The upload is unknown.
    NotFound,
    /// No such method.
    BadRoute,
    /// The slot is taken.
    AlreadyExists,
    /// Not in this state: a size that does not fit, nothing uploaded.
    FailedPrecondition,
    /// Too many uploads. magic-nix-cache turns itself off for the whole run, so this is for rate limits only.
    ResourceExhausted,
    /// The request did not arrive in time.
    DeadlineExceeded,
    /// Try again later.
    Unavailable,
    /// A fault of the server.
    Internal,
}

impl Code {
    /// The HTTP status that goes with it. Source: Twirp's specification, version 7.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::InvalidArgument => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::NotFound | Self::BadRoute => 404,
            Self::DeadlineExceeded => 408,
            Self::AlreadyExists => 409,
            Self::FailedPrecondition => 412,
            Self::ResourceExhausted => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// The body of an error. The npm client reads `msg`, go-actions-cache `message`.
    #[must_use]
    pub fn body(self, message: &str) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            code: Code,
            msg: &'a str,
            message: &'a str,
        }
        serde_json::to_vec(&Body { code: self, msg: message, message }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_speak_to_every_client() {
        let body: serde_json::Value =
            serde_json::from_slice(&Code::AlreadyExists.body(ALREADY_EXISTS)).unwrap();
        assert_eq!(body["code"], "already_exists");
        assert_eq!(body["msg"], body["message"]);
        assert!(body["message"].as_str().unwrap().contains("already exists"));
        assert_eq!(Code::AlreadyExists.status(), 409);
    }

    #[test]
    fn content_types_are_told_apart() {
        assert_eq!(Encoding::of_content_type(None), Some(Encoding::Json));
        assert_eq!(Encoding::of_content_type(Some("application/json; charset=utf-8")), Some(Encoding::Json));
        assert_eq!(Encoding::of_content_type(Some("Application/Protobuf")), Some(Encoding::Protobuf));
        assert_eq!(Encoding::of_content_type(Some("text/html")), None);
    }
}
