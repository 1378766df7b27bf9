//! Looking at images that the command line names.

use std::collections::BTreeSet;

use snowbank_oci::descriptor::Platform;
use snowbank_oci::inspect::{InspectError, Viewed, view};
use snowbank_oci::reference::Reference;
use snowbank_oci::registry::Access;
use snowbank_oci::target::Target;

use super::config::architecture;
use super::destination::{open_with, options};
use super::refused;
use crate::args::image as args;
use crate::command::client::Progress;
use crate::error::{CliError, Result};

/// Looks at images, one after the other.
///
/// # Errors
/// When one of them is none, or cannot be read.
pub(super) async fn views(
    images: &[&str],
    which: &args::Which,
    login: &args::Login,
    quiet: bool,
) -> Result<Vec<Viewed>> {
    let platform = platform(which.platform.as_deref())?;
    let progress = Progress::new(quiet);
    if login.username.is_some() {
        one_registry(images)?;
    }
    let options = options(login)?;
    let mut views = Vec::new();
    for image in images {
        let opened = open_with(image, || Ok(options.clone()), Access::Pull, &[], &progress).await?;
        views.push(view(&*opened.destination, &opened.tag, &platform).await.map_err(failed)?);
    }
    Ok(views)
}

/// Checks that a password goes to one registry.
fn one_registry(images: &[&str]) -> Result<()> {
    let host = |image: &&str| match Target::parse(image) {
        Ok(Target::Registry(text)) => Some(Reference::parse(text).ok()?.reference.host().to_owned()),
        _ => None,
    };
    let hosts: BTreeSet<String> = images.iter().filter_map(host).collect();
    if hosts.len() < 2 {
        return Ok(());
    }
    Err(CliError::usage("--username says who we are at one registry, and the images are in several").hint(
        "log in to each with `docker login` or `podman login`, or name a credential file with --authfile",
    ))
}

fn platform(given: Option<&str>) -> Result<Platform> {
    let own = |text: &str| text.to_owned();
    let Some(text) = given else {
        return Ok(Platform { architecture: own(architecture()), os: own("linux"), variant: None });
    };
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        [os, arch] if !os.is_empty() && !arch.is_empty() => {
            Ok(Platform { architecture: own(arch), os: own(os), variant: None })
        }
        [os, arch, variant] if parts.iter().all(|part| !part.is_empty()) => {
            Ok(Platform { architecture: own(arch), os: own(os), variant: Some(own(variant)) })
        }
        _ => Err(CliError::usage(format!("--platform {} is no platform", text.escape_debug()))
            .hint("platforms are written as linux/amd64 or linux/arm/v7")),
    }
}

fn failed(error: InspectError) -> CliError {
    let hint = match &error {
        InspectError::Destination(_) => None,
        InspectError::Missing(_) => Some("check the name and the tag"),
        InspectError::Platform { .. } => Some("choose one of them with --platform"),
        InspectError::NoImage { .. } | InspectError::Manifest { .. } => {
            Some("images, and indexes of them, of OCI and of Docker can be looked at")
        }
        InspectError::Incomplete { .. } | InspectError::Config { .. } | InspectError::Layers { .. } => None,
    };
    let failed = match error {
        InspectError::Destination(error) => refused(error),
        error => {
            let failed = CliError::failed(error.to_string());
            match std::error::Error::source(&error) {
                Some(source) => failed.because(source),
                None => failed,
            }
        }
    };
    match hint {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

/// So many characters of a digest that people tell layers apart.
pub(super) fn short(digest: &snowbank_oci::digest::Digest) -> String {
    digest.hex().chars().take(12).collect()
}

/// A platform as people write it.
pub(super) fn platform_text(platform: &Platform) -> String {
    let variant = platform.variant.as_ref().map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", platform.os, platform.architecture).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_to_one_registry() {
        assert!(one_registry(&["a.example/x", "a.example/y:1", "oci:dir:tag"]).is_ok());
        assert!(one_registry(&["a.example/x", "b.example/x"]).is_err());
    }

    #[test]
    fn platforms_are_read() {
        for text in ["linux/amd64", "linux/arm/v7"] {
            assert_eq!(platform_text(&platform(Some(text)).unwrap()), text);
        }
        assert_eq!(platform(None).unwrap().architecture, architecture());
        for bad in ["", "amd64", "linux/", "/amd64", "linux/arm/", "a/b/c/d"] {
            assert!(platform(Some(bad)).is_err(), "{bad}");
        }
    }
}
