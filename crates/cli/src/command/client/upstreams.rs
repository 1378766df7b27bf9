//! The upstream caches that the arguments name.

use std::path::PathBuf;

use snowbank_binary_cache::upstream::{Upstream, UpstreamOptions, Upstreams};
use snowbank_client::nix_conf::{Netrc, NixConf, Sources};
use snowbank_nix::store::Place;

use super::progress::Progress;
use crate::args::client::Store;
use crate::error::{CliError, Result};

/// cache.nixos.org, or those that are named; and those of this machine's Nix where that is wanted.
pub(crate) fn upstreams(store: &Store, place: &Place, progress: &Progress) -> Result<Upstreams> {
    let (list, options) = listed(store, progress)?;
    Upstreams::new(list, place.dir().clone(), options)
        .map_err(|error| CliError::usage("--upstream is not valid").because(error))
}

/// The same as a list, and how they are asked.
pub(super) fn listed(store: &Store, progress: &Progress) -> Result<(Vec<Upstream>, UpstreamOptions)> {
    let wrong =
        |error: &dyn std::fmt::Display, what: &str| CliError::usage(format!("{what} is not valid: {error}"));
    let nixos = Upstream::nixos().ok_or_else(|| CliError::failed("the built-in upstream is not valid"))?;
    let mut keys = Vec::new();
    for text in &store.upstream_keys {
        keys.push(text.parse().map_err(|error| wrong(&error, "--upstream-key"))?);
    }
    keys.extend(nixos.keys.iter().cloned());
    let mut list = if store.upstreams.is_empty() {
        vec![Upstream { keys, ..nixos }]
    } else {
        let url = |text: &String| text.parse().map_err(|error| wrong(&error, "--upstream"));
        let upstream = |text| Ok(Upstream { url: url(text)?, keys: keys.clone() });
        store.upstreams.iter().map(upstream).collect::<Result<_>>()?
    };
    let mut options = UpstreamOptions::default();
    if store.nix_upstreams {
        let conf = NixConf::read(&sources())
            .map_err(|error| CliError::failed("could not read Nix's configuration").because(error))?;
        let configured = conf.upstreams(&Netrc::read(&conf.netrc_file));
        for other in configured.other {
            progress.say(format!("the substituter {other} is no http cache and is not used"));
        }
        list.extend(configured.upstreams);
        options.certificates = conf.ssl_cert_file;
    }
    Ok((list, options))
}

/// Where Nix reads its settings from, by its own rules.
pub(crate) fn sources() -> Sources {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let path = |name: &str| variable(name).map(PathBuf::from);
    let user_files = match variable("NIX_USER_CONF_FILES") {
        Some(files) => std::env::split_paths(&files).collect::<Vec<_>>(),
        None => {
            let home = path("XDG_CONFIG_HOME").or_else(|| Some(path("HOME")?.join(".config")));
            let others =
                variable("XDG_CONFIG_DIRS").map(|dirs| std::env::split_paths(&dirs).collect::<Vec<_>>());
            let others = others.unwrap_or_else(|| vec![PathBuf::from("/etc/xdg")]);
            home.into_iter().chain(others).map(|folder| folder.join("nix/nix.conf")).collect()
        }
    };
    Sources {
        conf_dir: path("NIX_CONF_DIR").unwrap_or_else(|| PathBuf::from("/etc/nix")),
        // The first counts most, so it is read last.
        user_files: user_files.into_iter().rev().collect(),
        text: variable("NIX_CONFIG").and_then(|text| text.into_string().ok()),
    }
}
