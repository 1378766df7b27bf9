//! `snowbank pull`.

mod told;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_client::observer::{Event, Observer, Stage};
use snowbank_client::pull::{Fetch, Planned, PullError, Pulled, Question};
use snowbank_client::restore::Options;
use snowbank_client::restore::writer::Writer;
use snowbank_nix::store::Place;
use snowbank_nix::store_path::StorePath;
use snowbank_server::settings::ByteSize;

use super::cache_access::Access;
use super::progress::Progress;
use super::restore::{INTERRUPTED, roots};
use super::session::place_at;
use super::writing::{By, open};

use crate::args::pull as args;
use crate::error::{CliError, Result};
use crate::printer::Printer;

/// What a pull works with.
struct Session<'a> {
    args: &'a args::Pull,
    place: Place,
    roots: BTreeSet<StorePath>,
    options: Options,
    access: Access,
    progress: Arc<Progress>,
    cancel: Arc<AtomicBool>,
}

pub(crate) async fn run(args: args::Pull, printer: &Printer) -> Result<ExitCode> {
    let begun = Instant::now();
    let progress = Arc::new(Progress::new(args.talk.quiet));
    let place = place_at(args.root.as_deref());
    let min_free: ByteSize =
        args.min_free.parse().map_err(|error| CliError::usage("--min-free is not valid").because(error))?;
    let session = Session {
        roots: args.paths.iter().map(|text| path(&place, text)).collect::<Result<_>>()?,
        access: Access::new(&args.from, "--from", &args.trust, &place, &progress).await?,
        options: Options { min_free: min_free.0, ..Options::default() },
        cancel: Arc::default(),
        args: &args,
        place,
        progress,
    };
    let pulled = session.pull().await?;
    let traffic = session.access.site.traffic();
    if args.talk.json {
        printer.data(told::json(&pulled.report, traffic, begun.elapsed()).to_string());
    }
    told::line(&pulled.report, begun.elapsed(), &session.progress);
    if session.cancel.load(Ordering::Relaxed) {
        return Ok(INTERRUPTED.into());
    }
    told::complete(&pulled.report)?;
    if let Some(link) = &args.gc_root {
        let tops: Vec<StorePath> = session.roots.iter().cloned().collect();
        roots(&session.place, link, &tops)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A store path, or its last part.
fn path(place: &Place, text: &str) -> Result<StorePath> {
    let parsed = if text.contains('/') { place.dir().parse(text).ok() } else { text.parse().ok() };
    parsed.ok_or_else(|| CliError::usage(format!("`{}` is no path of {}", text.escape_debug(), place.dir())))
}

impl Session<'_> {
    async fn pull(&self) -> Result<Pulled> {
        let Access { site, trust, elsewhere, upstreams, .. } = &self.access;
        self.progress.tell(Event::Begin { stage: Stage::Find, bytes: 0, paths: 0 });
        let question = Question { site, roots: &self.roots, place: &self.place, trust, upstreams: elsewhere };
        let planned = self.progress.unless_interrupted(question.plan()).await;
        self.progress.tell(Event::End { stage: Stage::Find });
        let planned = match planned {
            Ok(planned) => planned,
            Err(error) => return Err(self.failed(error).await),
        };
        let (place, kind) = (self.place.clone(), self.args.writer);
        let opened = tokio::task::spawn_blocking(move || open(&place, kind)).await;
        match opened.map_err(|error| CliError::failed("could not open the store").because(error))?? {
            By::Us(writer) => self.by(&writer, &planned, upstreams).await,
            By::Helper(writer) => self.by(&writer, &planned, upstreams).await,
            By::Daemon(writer) => self.by(&writer, &planned, upstreams).await,
        }
    }

    async fn by<W: Writer>(
        &self,
        writer: &Arc<W>,
        planned: &Planned,
        upstreams: &Arc<Upstreams>,
    ) -> Result<Pulled> {
        let observer: Arc<dyn Observer> = self.progress.clone();
        let (roots, options, cancel) = (&self.roots, &self.options, &self.cancel);
        let fetch = Fetch { planned, roots, writer, upstreams, options, observer: &observer, cancel };
        let mut fetching = Box::pin(fetch.run());
        let pulled = tokio::select! {
            pulled = &mut fetching => pulled,
            // What is complete is registered; a second Ctrl-C does not wait for that.
            _ = tokio::signal::ctrl_c() => {
                self.progress.warn("interrupted: what is complete is kept");
                self.cancel.store(true, Ordering::Relaxed);
                tokio::spawn(async {
                    let _ = tokio::signal::ctrl_c().await;
                    std::process::exit(i32::from(INTERRUPTED));
                });
                fetching.await
            }
        };
        self.progress.clear();
        pulled.map_err(|error| told::failure(self.access.site.place(), error))
    }

    /// A plan that did not come about, with what may help.
    async fn failed(&self, error: PullError) -> CliError {
        let unsigned = matches!(error, PullError::Unsigned(_));
        let failure = told::failure(self.access.site.place(), error);
        if !unsigned {
            return failure;
        }
        match self.access.public_keys().await {
            keys if keys.is_empty() => failure,
            keys => failure.hint(format!(
                "the cache signs with {}: if you trust it, say so by --public-key, or in trusted-public-keys of nix.conf",
                keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            )),
        }
    }
}
