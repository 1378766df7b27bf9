//! The registry client against a strict stand-in with every habit that registries have, and against Debian's registry.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod auth;
mod blobs;
mod manifests;
mod pattern;
mod real;
mod uploads;

use std::time::Duration;

use snowbank_oci::reference::Reference;
use snowbank_oci::registry::credentials::Login;
use snowbank_oci::registry::{Access, Effort, Registry, RegistryOptions, Repository, Secret};

/// As little waiting as makes sense.
pub(crate) fn effort() -> Effort {
    Effort {
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_millis(10),
        tries: 4,
        ..Effort::default()
    }
}

pub(crate) fn login(user: &str, secret: &str) -> Option<Login> {
    Some(Login { user: user.to_owned(), secret: Secret::new(secret) })
}

pub(crate) fn registry(host: &str, options: RegistryOptions) -> Registry {
    let reference: Reference = format!("{host}/owner/image").parse().unwrap();
    Registry::new(&reference, options).unwrap()
}

/// A repository to push to, with nothing known of who we are.
pub(crate) fn repository(host: &str) -> Repository {
    as_user(host, None)
}

pub(crate) fn as_user(host: &str, login: Option<Login>) -> Repository {
    let options = RegistryOptions { login, effort: effort(), ..RegistryOptions::default() };
    registry(host, options).repository(Access::Push, &["owner/other".to_owned()])
}
