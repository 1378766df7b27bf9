//! `snowbank push`.

mod told;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_client::observer::Observer;
use snowbank_client::push::{Push, PushError, Pushed};
use snowbank_client::selection::{SelectError, named};
use snowbank_client::site::Site;
use snowbank_nix::closure::Closure;
use snowbank_nix::store::{LocalStore, Place};

use super::access::{nix_conf, site};
use super::progress::Progress;
use super::session::{place_at, spool, unread};
use super::upstreams::upstreams;
use crate::args::client::Store;
use crate::args::push as args;
use crate::error::{CliError, Result};
use crate::printer::Printer;
pub(super) use told::failure;

/// The cache that is pushed to, and what is left out because others have it.
pub(super) struct Destination {
    pub(super) site: Site,
    pub(super) place: Place,
    pub(super) progress: Arc<Progress>,
    upstreams: Upstreams,
    keep_upstream: bool,
}

pub(crate) async fn run(args: args::Push, printer: &Printer) -> Result<()> {
    let begun = Instant::now();
    let progress = Arc::new(Progress::new(args.talk.quiet));
    let destination = Destination::new(&args.destination, progress)?;
    let closure = wanted(&destination.place, &listed(args.paths)?)?;
    let pushed = destination.progress.unless_interrupted(destination.push(&closure)).await;
    let pushed = pushed.map_err(|error| failure(destination.site.place(), error))?;
    if args.talk.json {
        let traffic = destination.site.traffic();
        printer.data(told::json(&pushed, traffic, begun.elapsed()).to_string());
    }
    told::line(&pushed, begun.elapsed(), &destination.progress);
    told::complete(&pushed)
}

impl Destination {
    /// # Errors
    /// When an argument cannot be right.
    pub(super) fn new(args: &args::Destination, progress: Arc<Progress>) -> Result<Self> {
        let place = place_at(args.root.as_deref());
        let (site, _) = site(&args.to, "--to", args.token_file.as_deref(), &nix_conf()?)?;
        let store = Store {
            upstreams: args.upstreams.clone(),
            nix_upstreams: args.nix_upstreams,
            upstream_keys: args.upstream_keys.clone(),
            ..Store::default()
        };
        let upstreams = upstreams(&store, &place, &progress)?;
        Ok(Self { site, place, progress, upstreams, keep_upstream: args.keep_upstream })
    }

    pub(super) async fn push(&self, closure: &Closure) -> std::result::Result<Pushed, PushError> {
        let observer: Arc<dyn Observer> = self.progress.clone();
        let push = Push {
            site: &self.site,
            place: &self.place,
            closure,
            upstream: &|info| !self.keep_upstream && self.upstreams.holder(info).is_some(),
            level: 1,
            spool: spool(),
            observer: &observer,
        };
        push.run().await
    }
}

/// The paths that are named, those on standard input among them.
fn listed(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if path != Path::new("-") {
            all.push(path);
            continue;
        }
        for line in std::io::stdin().lines() {
            let line =
                line.map_err(|error| CliError::failed("could not read standard input").because(error))?;
            let line = line.trim();
            all.extend((!line.is_empty()).then(|| PathBuf::from(line)));
        }
    }
    Ok(all)
}

fn wanted(place: &Place, paths: &[PathBuf]) -> Result<Closure> {
    let failed = || CliError::failed("could not read the Nix store");
    let store = LocalStore::open(place.clone()).map_err(unread)?;
    named(&store, paths).map_err(|error| match error {
        SelectError::Unknown { .. } => CliError::usage(error.to_string())
            .hint("name a store path that was built, a link to one, or a file in it")
            .hint("a private store is named with --store ROOT"),
        error => failed().because(error),
    })
}
