//! The cache that is pulled from: who is let in, whose signatures count, and who has what it leaves out.

use std::path::Path;
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

/// What the arguments say of it.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// Its URL, and the argument that gave it.
    pub(crate) from: &'a str,
    pub(crate) argument: &'a str,
    pub(crate) token_file: Option<&'a Path>,
    pub(crate) public_keys: &'a [String],
    pub(crate) no_check_sigs: bool,
    pub(crate) upstreams: &'a [String],
    pub(crate) upstream_keys: &'a [String],
}

impl Access {
    pub(crate) async fn new(wish: &Wish<'_>, place: &Place, progress: &Progress) -> Result<Self> {
        let conf = nix_conf()?;
        let (site, token) = site(wish.from, wish.argument, wish.token_file, &conf)?;
        let store = Store {
            upstreams: wish.upstreams.to_vec(),
            upstream_keys: wish.upstream_keys.to_vec(),
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
        let keys = if wish.no_check_sigs {
            // Whatever it says: also by which keys.
            access.public_keys().await
        } else {
            let keys = keys(wish.public_keys, &conf)?;
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
