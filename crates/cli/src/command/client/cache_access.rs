//! The cache that is pulled from: who is let in, whose signatures count, and who has what it leaves out.

use std::sync::Arc;

use snowbank_binary_cache::upstream::{Upstream, Upstreams};
use snowbank_client::nix_conf::NixConf;
use snowbank_client::pull::Trust;
use snowbank_client::set_up::about;
use snowbank_client::site::Site;
use snowbank_nix::signature::PublicKey;
use snowbank_nix::store::Place;

use super::access::{nix_conf, site};
use super::progress::Progress;
use super::upstreams::listed;
use crate::args::client as args;
use crate::args::client::Store;
use crate::error::{CliError, Result};

/// The cache that is pulled from.
pub(crate) struct Access {
    pub(crate) site: Site,
    pub(crate) trust: Trust,
    /// Who has what the cache leaves out.
    pub(crate) elsewhere: Upstreams,
    /// The same behind the cache itself, which has NARs that it has yet to fetch.
    pub(crate) upstreams: Arc<Upstreams>,
    token: Option<String>,
}

impl Access {
    /// The cache at `url`, which the argument `name` gave.
    pub(crate) async fn new(
        url: &str,
        name: &str,
        trust: &args::Trust,
        place: &Place,
        progress: &Progress,
    ) -> Result<Self> {
        let conf = nix_conf()?;
        let (site, token) = site(url, name, trust.token_file.as_deref(), &conf)?;
        let store = Store {
            upstreams: trust.upstreams.clone(),
            upstream_keys: trust.upstream_keys.clone(),
            ..Store::default()
        };
        let (list, options) = listed(&store, progress)?;
        let all = |list| {
            Upstreams::new(list, place.dir().clone(), options.clone())
                .map_err(|error| CliError::usage("--upstream is not valid").because(error))
        };
        let elsewhere = all(list.clone())?;
        let mut access =
            Self { site, trust: Trust::All, upstreams: Arc::new(elsewhere.clone()), elsewhere, token };
        let keys = if trust.no_check_sigs {
            // Whatever it says: also by which keys.
            access.public_keys().await
        } else {
            let keys = keys(&trust.public_keys, &conf)?;
            access.trust = Trust::Keys(keys.clone());
            keys
        };
        access.upstreams = Arc::new(all([vec![access.itself(keys)], list].concat())?);
        Ok(access)
    }

    /// The cache as plain Nix has it.
    fn itself(&self, keys: Vec<PublicKey>) -> Upstream {
        let mut url = self.site.place().cache().clone();
        if let Some(token) = &self.token {
            // An http URL takes both.
            let _ = url.set_username("snowbank");
            let _ = url.set_password(Some(token));
        }
        Upstream { url, keys }
    }

    /// The keys that the cache says it signs with; none where it does not answer.
    pub(super) async fn public_keys(&self) -> Vec<PublicKey> {
        about(&self.site).await.map(|about| about.public_keys).unwrap_or_default()
    }
}

/// Those of the arguments, else those of Nix.
fn keys(named: &[String], conf: &NixConf) -> Result<Vec<PublicKey>> {
    if named.is_empty() {
        // As Nix, which passes over what is no key only when it needs none.
        return Ok(conf.trusted_public_keys.iter().filter_map(|text| text.parse().ok()).collect());
    }
    let key = |text: &String| {
        text.parse().map_err(|error| {
            CliError::usage(format!("--public-key {} is not valid", text.escape_debug())).because(error)
        })
    };
    named.iter().map(key).collect()
}
