//! Where images go and come from.

use std::ffi::OsString;
use std::io::Read;
use std::sync::Arc;

use snowbank_oci::archive::ArchiveDestination;
use snowbank_oci::destination::Destination;
use snowbank_oci::layout::LayoutDestination;
use snowbank_oci::reference::Reference;
use snowbank_oci::registry::credentials::{CredentialFiles, Login};
use snowbank_oci::registry::{Access, Effort, Registry, RegistryOptions, Secret};
use snowbank_oci::target::Target;

use super::refused;
use super::told::Traffic;
use crate::args::image as args;
use crate::command::client::Progress;
use crate::error::{CliError, Result};

/// Bytes of a password at most.
const MAX_PASSWORD: u64 = 64 << 10;

/// Where an image goes, or is.
pub(super) struct Opened {
    pub(super) destination: Arc<dyn Destination>,
    /// The tag that it has there.
    pub(super) tag: String,
    registry: Option<Registry>,
}

impl Opened {
    /// What a registry calls the repository.
    pub(super) fn repository(&self) -> Option<String> {
        self.registry.is_some().then(|| self.destination.name())
    }

    /// What was asked and sent so far.
    pub(super) fn traffic(&self) -> Traffic {
        let counts = self.registry.as_ref().map(Registry::counts).unwrap_or_default();
        Traffic { requests: counts.requests, sent: counts.sent }
    }
}

/// Opens what the argument names.
///
/// # Errors
/// When it names nothing, or its credentials cannot be read.
pub(super) async fn open(
    text: &str,
    login: &args::Login,
    access: Access,
    mounts: &[String],
    progress: &Progress,
) -> Result<Opened> {
    open_with(text, || options(login), access, mounts, progress).await
}

/// The same, with what a registry is told of us; asked for only where there is one.
///
/// # Errors
/// As of [`open`].
pub(super) async fn open_with(
    text: &str,
    options: impl FnOnce() -> Result<RegistryOptions>,
    access: Access,
    mounts: &[String],
    progress: &Progress,
) -> Result<Opened> {
    let wrong = |text: &str| CliError::usage(format!("`{}` names no image", text.escape_debug()));
    let target = Target::parse(text).map_err(|error| wrong(text).because(error))?;
    match target {
        Target::Layout { dir, tag } => {
            // To open one is to begin one.
            if access == Access::Pull && !std::path::Path::new(dir).join("index.json").is_file() {
                return Err(CliError::failed(format!("there are no images in {}", dir.escape_debug())).hint(
                    "a folder of images has an index.json; push one there with `snowbank image push`",
                ));
            }
            let layout = LayoutDestination::open(dir.as_ref())
                .await
                .map_err(|error| CliError::failed(format!("could not open {dir}")).because(error))?;
            Ok(Opened { destination: Arc::new(layout), tag: tag.to_owned(), registry: None })
        }
        Target::Archive { file, name } => {
            if access == Access::Pull {
                return Err(
                    wrong(text).hint("archives are written and not read; push to oci:DIR:TAG instead")
                );
            }
            let tag = name.map_or("latest", |(_, tag)| tag);
            let archive = ArchiveDestination::create(file.as_ref(), name.map(|(name, _)| name))
                .await
                .map_err(|error| CliError::failed(format!("could not write {file}")).because(error))?;
            Ok(Opened { destination: Arc::new(archive), tag: tag.to_owned(), registry: None })
        }
        Target::Registry(text) => {
            let parsed = Reference::parse(text).map_err(|error| wrong(text).because(error))?;
            let reference = parsed.reference;
            if parsed.lowered {
                progress.say(format!("registries take lower case only: it is {}", reference.name()));
            }
            let tag = reference.digest().map(ToString::to_string);
            let tag =
                tag.or_else(|| reference.tag().map(str::to_owned)).unwrap_or_else(|| "latest".to_owned());
            let registry = Registry::new(&reference, options()?).map_err(refused)?;
            let repository = registry.repository(access, mounts);
            Ok(Opened { destination: Arc::new(repository), tag, registry: Some(registry) })
        }
    }
}

/// What a registry is told of us; a password is read from standard input, which can be done once.
///
/// # Errors
/// When it cannot be read.
pub(super) fn options(login: &args::Login) -> Result<RegistryOptions> {
    let mut credentials = CredentialFiles::from_environment(variable);
    credentials.files.splice(0..0, login.authfile.clone());
    let explicit = login.username.as_ref().map(|user| -> Result<Login> {
        let mut text = String::new();
        let read = std::io::stdin().take(MAX_PASSWORD).read_to_string(&mut text);
        read.map_err(|error| {
            CliError::failed("could not read the password from standard input").because(error)
        })?;
        let secret = text.strip_suffix('\n').unwrap_or(&text);
        let secret = Secret::new(secret.strip_suffix('\r').unwrap_or(secret));
        Ok(Login { user: user.clone(), secret })
    });
    Ok(RegistryOptions {
        agent: concat!("snowbank/", env!("CARGO_PKG_VERSION")).to_owned(),
        plain_http: login.plain_http,
        login: explicit.transpose()?,
        credentials,
        effort: Effort::default(),
    })
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
