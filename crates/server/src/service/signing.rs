//! Signed URLs: the credential of an upload or a download. A signature holds for one direction, one blob or
//! representation, and until its time is over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::error::{Kind, Result, ServiceError};

/// What a signed URL lets its holder do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Send the content of an upload.
    Upload,
    /// Fetch a representation.
    Download,
}

impl Direction {
    /// The path segment of its URLs.
    #[must_use]
    pub fn segment(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
        }
    }
}

/// Signs URLs and checks them.
pub struct UrlSigner {
    key: Hmac<Sha256>,
}

impl std::fmt::Debug for UrlSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UrlSigner")
    }
}

impl UrlSigner {
    /// A signer under this secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        // The block of SHA-256 is 64 bytes, and HMAC fills a shorter key up with zeros.
        let mut key = [0; 64];
        key[..secret.len()].copy_from_slice(secret);
        Self { key: Hmac::new(&key.into()) }
    }

    /// The path and query of a URL that holds until `expires`.
    ///
    /// The path has three segments because the npm client's SDK wants two at the least, and the query is never
    /// empty because OpenDAL wants one; the secret is named `sig` because clients mask that in their logs.
    #[must_use]
    pub fn sign(&self, direction: Direction, id: i64, expires: SystemTime) -> String {
        let expires = seconds(expires);
        let signature = hex::encode(self.mac(direction, id, expires).finalize().into_bytes());
        format!("/blobs/{}/{id}?se={expires}&sig={signature}", direction.segment())
    }

    /// Checks what came with a request.
    pub fn check(&self, direction: Direction, id: i64, expires: &str, signature: &str) -> Result<()> {
        let wrong = || ServiceError::new(Kind::PermissionDenied, "the URL's signature is wrong");
        let expires: u64 = expires.parse().map_err(|_| wrong())?;
        let signature = hex::decode(signature).map_err(|_| wrong())?;
        self.mac(direction, id, expires).verify_slice(&signature).map_err(|_| wrong())?;
        if seconds(SystemTime::now()) > expires {
            return Err(ServiceError::new(Kind::PermissionDenied, "the URL has expired"));
        }
        Ok(())
    }

    fn mac(&self, direction: Direction, id: i64, expires: u64) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(format!("{}/{id}/{expires}", direction.segment()).as_bytes());
        mac
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, String) {
        let query = url.split_once('?').unwrap().1;
        let mut values = query.split('&').map(|pair| pair.split_once('=').unwrap().1.to_owned());
        (values.next().unwrap(), values.next().unwrap())
    }

    fn soon() -> SystemTime {
        SystemTime::now() + Duration::from_secs(60)
    }

    #[test]
    fn a_signed_url_holds_for_what_it_was_signed_for_only() {
        let signer = UrlSigner::new(&[1; 32]);
        let (se, sig) = parts(&signer.sign(Direction::Upload, 7, soon()));
        assert!(signer.check(Direction::Upload, 7, &se, &sig).is_ok());
        assert!(signer.check(Direction::Download, 7, &se, &sig).is_err());
        assert!(signer.check(Direction::Upload, 8, &se, &sig).is_err());
        let later = (se.parse::<u64>().unwrap() + 1).to_string();
        assert!(signer.check(Direction::Upload, 7, &later, &sig).is_err());
        assert!(signer.check(Direction::Upload, 7, &se, &sig[..10]).is_err());
        assert!(UrlSigner::new(&[2; 32]).check(Direction::Upload, 7, &se, &sig).is_err());
    }

    #[test]
    fn an_expired_url_says_so() {
        let signer = UrlSigner::new(&[1; 32]);
        let (se, sig) =
            parts(&signer.sign(Direction::Upload, 7, SystemTime::now() - Duration::from_secs(10)));
        let error = signer.check(Direction::Upload, 7, &se, &sig).unwrap_err();
        assert_eq!(error.to_string(), "the URL has expired");
    }
}
