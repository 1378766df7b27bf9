//! Reserving a slot for an upload.

use std::time::{Duration, SystemTime};

use snowbank_catalog::ids::UploadId;
use snowbank_catalog::rooms::{Form, Reserved, Slot};

use super::{Caller, Direction, Kind, Reservation, Result, Service, ServiceError};

/// A reservation: the upload and the path and query of the URL that its bytes go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadGrant {
    /// The upload.
    pub upload: UploadId,
    /// Path and query of the signed URL; the protocol puts the server's address before it.
    pub path: String,
}

impl Service {
    /// Reserves `key` and `version` in the scope that the caller may write. `user_agent` tells whether the uploader
    /// is `actions/cache`, whose archives may be compressed anew.
    pub async fn reserve(
        &self,
        caller: &Caller,
        key: &str,
        version: &str,
        user_agent: &str,
    ) -> Result<UploadGrant> {
        let scope = caller.write_scope()?.to_owned();
        self.check_rate(caller).await?;
        let slot = Slot { scope, key: key.to_owned(), version: version.to_owned() };
        let lease = self.settings().times.upload_idle.0;
        let reserved = self.0.catalog.reserve(caller.repository.id, &slot, form(user_agent), lease).await?;
        self.0.metrics.reservation(outcome(&reserved));
        match reserved {
            Reserved::Granted(upload) => {
                let expires = SystemTime::now() + self.settings().times.upload_url.0;
                Ok(UploadGrant { upload, path: self.0.signer.sign(Direction::Upload, upload.0, expires) })
            }
            Reserved::Exists(_) => Err(exists()),
            Reserved::Busy => Err(ServiceError::new(
                Kind::AlreadyExists,
                "cache entry with the same key, version, and scope already exists: another job is saving it just now",
            )),
        }
    }

    async fn check_rate(&self, caller: &Caller) -> Result<()> {
        let limit = self.settings().limits_of(&caller.repository.name).uploads_per_minute;
        let minute = Duration::from_secs(60);
        if limit == 0 || self.0.catalog.begun_since(caller.repository.id, minute).await? < limit {
            return Ok(());
        }
        Err(ServiceError::new(
            Kind::ResourceExhausted { retry_after: minute },
            format!("the repository may begin {limit} uploads a minute and has done so"),
        ))
    }
}

fn outcome(reserved: &Reserved) -> Reservation {
    match reserved {
        Reserved::Granted(_) => Reservation::Granted,
        Reserved::Exists(_) => Reservation::Exists,
        Reserved::Busy => Reservation::Busy,
    }
}

/// GitHub's own words, which clients look for.
pub(super) fn exists() -> ServiceError {
    ServiceError::new(Kind::AlreadyExists, "cache entry with the same key, version, and scope already exists")
}

/// The npm client calls itself `@actions/cache-<version>` (v2) or `actions/cache` (v1). Everybody else may compare
/// bytes: buildkit its layer digests, sccache its objects.
fn form(user_agent: &str) -> Form {
    if user_agent.starts_with("@actions/cache") || user_agent.starts_with("actions/cache") {
        Form::Archive
    } else {
        Form::Opaque
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_archiving_client_is_recoded() {
        assert_eq!(form("@actions/cache-6.3.0"), Form::Archive);
        assert_eq!(form("actions/cache"), Form::Archive);
        assert_eq!(form("go-actions-cache/1.0"), Form::Opaque);
        assert_eq!(form(""), Form::Opaque);
    }
}
