//! Jobs that a Forgejo runner vouches for. Its proxy takes what a job sends, puts headers of its own in place of the job's, and signs
//! them with a secret that it shares with the cache server. Source: `act/cacheproxy` and `act/artifactcache/mac.go` of the runner, 12.x.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use snowbank_actions::scope::{MAX_SCOPE_BYTES, Scopes};

use super::Identity;
use crate::service::error::{Kind, Result, ServiceError};
use crate::settings::Forgejo;

/// Where jobs save and look that are kept apart from nobody.
const SHARED: &str = "forgejo";

/// How long after its beginning a run is believed: no job takes longer, and its headers must not hold for ever.
const MOST_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Clocks of runners may be ahead by so much.
const MOST_AHEAD: Duration = Duration::from_secs(60);

/// The headers of a runner's proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedRun {
    /// `Forgejo-Cache-Repo`: `owner/name`.
    pub repository: String,
    /// `Forgejo-Cache-RunNumber`.
    pub number: String,
    /// `Forgejo-Cache-Timestamp`: seconds since 1970 at which the run began.
    pub timestamp: String,
    /// `Forgejo-Cache-MAC`, in hexadecimal digits.
    pub mac: String,
    /// `Forgejo-Cache-WriteIsolationKey`: what keeps a pull request's saves apart; empty for other jobs.
    pub isolation: String,
    /// `Forgejo-Cache-Host`: the proxy's URL, as jobs reach it.
    pub host: String,
    /// `Forgejo-Cache-RunId`: the part of the path by which the proxy knows the run.
    pub id: String,
}

/// Runners that share a secret with this server.
pub(super) struct ForgejoRunners {
    key: Hmac<Sha256>,
    allow: Vec<String>,
}

impl ForgejoRunners {
    /// Those of the settings; none where there is no secret.
    pub(super) fn new(settings: &Forgejo) -> Option<Self> {
        let key = Hmac::new_from_slice(settings.secret.as_bytes()).ok()?;
        (!settings.secret.is_empty()).then(|| Self { key, allow: settings.allow.clone() })
    }

    /// Who it is.
    ///
    /// # Errors
    /// When the signature does not hold, or not any more, or the repository is not let in.
    pub(super) fn verify(&self, run: &SignedRun) -> Result<Identity> {
        let refused = |why: &str| ServiceError::new(Kind::PermissionDenied, why);
        let mac = hex::decode(&run.mac).map_err(|_| refused("the runner's signature is wrong"))?;
        self.mac(run).verify_slice(&mac).map_err(|_| {
            refused(
                "the runner's signature is wrong: its cache.secret is not this server's auth.forgejo.secret",
            )
        })?;
        let begun: u64 = run.timestamp.parse().map_err(|_| refused("the run's time is no number"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let begun = Duration::from_secs(begun);
        if begun > now + MOST_AHEAD {
            return Err(refused("the run began in the future"));
        }
        if now.saturating_sub(begun) > MOST_AGE {
            return Err(refused("the run began too long ago"));
        }
        if !self.admits(&run.repository) {
            return Err(refused("the repository is not on this server's list auth.forgejo.allow"));
        }
        Ok(Identity::Job { repository: run.repository.clone(), scopes: scopes(&run.isolation)? })
    }

    fn mac(&self, run: &SignedRun) -> Hmac<Sha256> {
        let SignedRun { repository, number, timestamp, isolation, .. } = run;
        let mut mac = self.key.clone();
        mac.update(format!("{repository}>{number}>{timestamp}>{isolation}").as_bytes());
        mac
    }

    fn admits(&self, repository: &str) -> bool {
        let owner = repository.split_once('/').map_or("", |(owner, _)| owner);
        self.allow.iter().any(|allowed| {
            let all_of_owner = allowed.strip_suffix("/*").is_some_and(|all| all.eq_ignore_ascii_case(owner));
            allowed.eq_ignore_ascii_case(repository) || (all_of_owner && !owner.is_empty())
        })
    }
}

/// A pull request reads what all read, and saves for itself.
fn scopes(isolation: &str) -> Result<Scopes> {
    if isolation.is_empty() {
        return Ok(Scopes::read_write(SHARED));
    }
    let own = format!("{SHARED}/{isolation}");
    if own.len() > MAX_SCOPE_BYTES || own.contains('\0') {
        return Err(ServiceError::new(Kind::InvalidArgument, "the run's isolation key is no scope"));
    }
    Ok(Scopes { write: Some(own.clone()), read: vec![own, SHARED.to_owned()] })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runners(allow: &[&str]) -> ForgejoRunners {
        let allow = allow.iter().map(|&name| name.to_owned()).collect();
        ForgejoRunners::new(&Forgejo { secret: "secret".to_owned(), allow }).unwrap()
    }

    fn now() -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
    }

    fn signed(runners: &ForgejoRunners, repository: &str, isolation: &str, after: i64) -> SignedRun {
        let run = SignedRun {
            repository: repository.to_owned(),
            number: "1".to_owned(),
            timestamp: (now() + after).to_string(),
            isolation: isolation.to_owned(),
            ..SignedRun::default()
        };
        SignedRun { mac: hex::encode(runners.mac(&run).finalize().into_bytes()), ..run }
    }

    #[test]
    fn the_signature_is_that_of_the_runner() {
        let run = SignedRun {
            repository: "acme/app".to_owned(),
            number: "7".to_owned(),
            timestamp: "1700000000".to_owned(),
            isolation: "refs/pull/3/head".to_owned(),
            ..SignedRun::default()
        };
        // printf 'acme/app>7>1700000000>refs/pull/3/head' | openssl dgst -sha256 -hmac secret
        let expected = "65193d6a8a552629bd92bad7a247763cb11f325558d7a167dc0a244d4cc1e45a";
        assert_eq!(hex::encode(runners(&[]).mac(&run).finalize().into_bytes()), expected);
    }

    #[test]
    fn a_pull_request_reads_what_all_read_and_saves_for_itself() {
        let runners = runners(&["acme/*"]);
        let identity = runners.verify(&signed(&runners, "Acme/app", "", -3600)).unwrap();
        assert_eq!(identity.job(), Some(("Acme/app", &Scopes::read_write("forgejo"))));
        let identity = runners.verify(&signed(&runners, "acme/app", "7", 30)).unwrap();
        let (_, scopes) = identity.job().unwrap();
        assert_eq!(scopes.write.as_deref(), Some("forgejo/7"));
        assert_eq!(scopes.read, ["forgejo/7", "forgejo"]);
    }

    #[test]
    fn others_and_other_times_are_refused() {
        let runners = runners(&["acme/app", "own/*"]);
        for (repository, after) in [
            ("acme/other", 0),
            ("other/app", 0),
            ("/app", 0),
            ("acme/app", 3600),
            ("acme/app", -8 * 24 * 3600),
        ] {
            let error = runners.verify(&signed(&runners, repository, "", after)).unwrap_err();
            assert_eq!(error.kind(), Kind::PermissionDenied, "{repository} {after}");
        }
        let nobody = ForgejoRunners::new(&Forgejo { allow: vec!["*/*".to_owned()], ..Forgejo::default() });
        assert!(nobody.is_none(), "without a secret nobody is believed");
    }

    proptest! {
        #[test]
        fn what_was_not_signed_is_refused(
            repository in "acme/[a-z]{1,3}", number in "[0-9>]{0,3}", isolation in "[a-z>]{0,3}", mac in "[0-9a-f]{0,64}",
        ) {
            let runners = runners(&["acme/*"]);
            let good = signed(&runners, "acme/a", "", 0);
            let run = SignedRun { repository, number, isolation, ..good.clone() };
            let same = run == good;
            prop_assert_eq!(runners.verify(&run).is_ok(), same);
            let forged = SignedRun { mac, ..good };
            prop_assert!(runners.verify(&forged).is_err());
        }
    }
}
