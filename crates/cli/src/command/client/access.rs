//! Who is let in to a binary cache, and by which token.

use std::path::Path;

use snowbank_client::nix_conf::{Netrc, NixConf};
use snowbank_client::site::{Effort, Site, SitePlace};

use super::upstreams::sources;
use crate::command::ask::token_in;
use crate::error::{CliError, Result};

/// Nix's configuration.
pub(crate) fn nix_conf() -> Result<NixConf> {
    NixConf::read(&sources())
        .map_err(|error| CliError::failed("could not read Nix's configuration").because(error))
}

/// The cache at `url`, which the argument `name` gave, and the token for it.
pub(crate) fn site(
    url: &str,
    name: &str,
    token_file: Option<&Path>,
    conf: &NixConf,
) -> Result<(Site, Option<String>)> {
    let at: SitePlace =
        url.parse().map_err(|error| CliError::usage(format!("{name} is not valid")).because(error))?;
    let token = token(token_file, &at, conf)?;
    let agent = concat!("snowbank/", env!("CARGO_PKG_VERSION"));
    let site = Site::new(at, token.as_deref(), agent, Effort::default())
        .map_err(|error| CliError::usage("the cache cannot be asked").because(error))?;
    Ok((site, token))
}

/// What is in the file, else in SNOWBANK_TOKEN, else what Nix would show to the host.
fn token(file: Option<&Path>, at: &SitePlace, conf: &NixConf) -> Result<Option<String>> {
    if let Some(file) = file {
        return token_in(file).map(Some);
    }
    if let Some(token) = std::env::var("SNOWBANK_TOKEN").ok().filter(|token| !token.is_empty()) {
        return Ok(Some(token));
    }
    let host = at.cache().host_str().unwrap_or_default();
    Ok(Netrc::read(&conf.netrc_file).login(host).and_then(|entry| entry.password.clone()))
}
