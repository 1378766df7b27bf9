//! The cache that is pulled from: who is let in, whose signatures count, and who has what it leaves out.

use std::sync::Arc;

use reqwest::{Client, RequestBuilder};
use snowbank_binary_cache::upstream::{Upstream, Upstreams};
use snowbank_client::nix_conf::{Netrc, NixConf};
use snowbank_client::pull::Trust;
use snowbank_client::site::{Effort, Site, SitePlace};
use snowbank_nix::signature::PublicKey;
use snowbank_nix::store::Place;

use crate::args::client::Store;
use crate::args::pull::Pull;
use crate::command::ask::{Asked, token_in};
use crate::command::client::progress::Progress;
use crate::command::client::upstreams::{listed, sources};
use crate::error::{CliError, Result};

/// The cache that is pulled from.
pub(super) struct Access {
    pub(super) site: Site,
    pub(super) trust: Trust,
    /// Who has what the cache leaves out.
    pub(super) elsewhere: Upstreams,
    /// The same behind the cache itself, which has NARs that it has yet to fetch.
    pub(super) upstreams: Arc<Upstreams>,
    token: Option<String>,
}

impl Access {
    pub(super) async fn new(args: &Pull, place: &Place, progress: &Progress) -> Result<Self> {
        let at: SitePlace =
            args.from.parse().map_err(|error| CliError::usage("--from is not valid").because(error))?;
        let conf = NixConf::read(&sources())
            .map_err(|error| CliError::failed("could not read Nix's configuration").because(error))?;
        let token = token(args, &at, &conf)?;
        let agent = concat!("snowbank/", env!("CARGO_PKG_VERSION"));
        let site = Site::new(at, token.as_deref(), agent, Effort::default())
            .map_err(|error| CliError::usage("the cache cannot be asked").because(error))?;
        let store = Store {
            upstreams: args.upstreams.clone(),
            upstream_keys: args.upstream_keys.clone(),
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
        let keys = if args.no_check_sigs {
            // Whatever it says: also by which keys.
            access.public_keys().await.iter().filter_map(|key| key.parse().ok()).collect()
        } else {
            let keys = keys(&args.public_keys, &conf)?;
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
    pub(super) async fn public_keys(&self) -> Vec<String> {
        let mut url = self.site.place().call("about");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop();
        }
        let asked = Asked {
            who: format!("the cache {}", self.site.place()),
            unreached: "is its server running?",
            refused: "",
        };
        let token = self.token.as_ref();
        let request = |client: &Client| token.into_iter().fold(client.get(url), RequestBuilder::bearer_auth);
        let about = asked.ask(request).await.unwrap_or_default();
        let keys = about["public_keys"].as_array().into_iter().flatten();
        // Whoever is shown them may paste them.
        keys.filter_map(|key| key.as_str()?.parse::<PublicKey>().ok()).map(|key| key.to_string()).collect()
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

fn token(args: &Pull, at: &SitePlace, conf: &NixConf) -> Result<Option<String>> {
    if let Some(file) = &args.token_file {
        return token_in(file).map(Some);
    }
    if let Some(token) = std::env::var("SNOWBANK_TOKEN").ok().filter(|token| !token.is_empty()) {
        return Ok(Some(token));
    }
    let netrc = Netrc::read(&conf.netrc_file);
    let host = at.cache().host_str().unwrap_or_default();
    Ok(netrc.login(host).and_then(|entry| entry.password.clone()))
}
