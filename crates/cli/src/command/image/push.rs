//! `snowbank image push`.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Instant;

use snowbank_oci::compression::Compression;
use snowbank_oci::descriptor::{Descriptor, media_type};
use snowbank_oci::image::{ImagePlan, LayerContent};
use snowbank_oci::push::{Push, PushObserver, Report, put_index};
use snowbank_oci::record::LayerKey;
use snowbank_oci::registry::Access;

use super::destination::{Opened, open};
use super::plans::{Plans, plans};
use super::records::Kept;
use super::report;
use super::sbom::{Referrer, Sboms};
use super::source::{Supply, read};
use super::told::{self, Talker};
use super::{not_pushed, refused, sbom};
use crate::args::image as args;
use crate::command::client::{Job, Progress, Remote, place_at};
use crate::error::{Class, CliError, Result};
use crate::printer::Printer;

pub(super) async fn run(args: args::Push, printer: &Printer) -> Result<()> {
    let begun = Instant::now();
    let progress = Arc::new(Progress::new(args.talk.quiet));
    let place = place_at(args.from.root.as_deref());
    let Some((to, sources)) = args.sources.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return Err(CliError::usage("what to push or where to is not said")
            .hint("the arguments are SOURCE... DESTINATION, as in `snowbank image push ./result ghcr.io/OWNER/NAME:TAG`"));
    };
    sbom::check(&args.sbom, to)?;
    let to = open(to, &args.login, Access::Push, &args.mounts, &progress).await?;
    let supply = Supply::new(&args.from, &place, &progress).await?;
    let remote = remote(&args.from, &supply, &progress).await?;
    let work = async {
        let source = read(&supply, remote.as_ref(), &args.from, sources, &place, &progress).await?;
        let plans = plans(&args, &supply, &source, &place, &progress).await?;
        let kept = Kept::open(&args.from, &supply, remote.as_ref(), &to)?;
        let sboms = Sboms::new(&args.sbom, &plans, place.dir(), &progress);
        let work =
            Work { args: &args, to: &to, plans: &plans, kept: &kept, sboms: &sboms, progress: &progress };
        work.push(place.dir()).await
    };
    // What is half sent is nothing to anybody: it may end at any time.
    let pushed = work.await;
    if let Some(remote) = remote {
        remote.close().await;
    }
    let Pushed { digest, reports, referrers } = pushed?;
    let (took, traffic) = (begun.elapsed(), to.traffic());
    let name = to.destination.name();
    let summary = told::summary(&name, &reports, args.dry_run, took, traffic);
    progress.say(&summary);
    if args.talk.json {
        printer.data(told::json(&name, digest.as_deref(), &reports, &referrers, took, traffic).to_string());
    }
    if let Some(digest) = digest.as_deref().filter(|_| to.repository().is_some()) {
        let told = report::Told { destination: &name, tag: &to.tag, digest, reports: &reports, took };
        report::tell(&args.from, &told).await;
    }
    let table = told::markdown(&format!("{name}:{}", to.tag), &summary, &reports, &referrers);
    Job::of_environment().summarise(&table, &progress);
    Ok(())
}

/// The cache service that snapshots are in, or records are kept with. Records only save work: without snapshots, a service that
/// cannot be used is a warning.
async fn remote(args: &args::From, supply: &Supply, progress: &Progress) -> Result<Option<Remote>> {
    let service = crate::args::client::Service { remote: args.remote.clone(), strict: false };
    match supply {
        Supply::Snapshot(key) => {
            if let Some(folder) = Remote::unmade(&service)? {
                let what =
                    format!("there is no snapshot {key}: nothing was ever saved in {}", folder.display());
                return Err(CliError::failed(what));
            }
            Remote::open(&service).await.map(Some)
        }
        _ if args.no_records || args.records.is_some() => Ok(None),
        Supply::Cache(_) => Ok(None),
        Supply::Store => match Remote::open_if_known(&service).await {
            Err(error) if error.class == Class::Failed => {
                progress
                    .warn(&format!("layers are neither looked up nor recorded in a cache: {}", error.line()));
                Ok(None)
            }
            opened => opened,
        },
    }
}

/// What a push works with.
struct Work<'a> {
    args: &'a args::Push,
    to: &'a Opened,
    plans: &'a Plans,
    kept: &'a Kept,
    sboms: &'a Sboms,
    progress: &'a Arc<Progress>,
}

/// What a push came to.
struct Pushed {
    digest: Option<String>,
    reports: Vec<Report>,
    referrers: Vec<Referrer>,
}

impl Work<'_> {
    async fn push(&self, dir: &snowbank_nix::store_path::StoreDir) -> Result<Pushed> {
        let records = self.kept.known(&self.keys(), self.progress).await;
        let talker: Arc<dyn PushObserver> = Arc::new(Talker { progress: Arc::clone(self.progress) });
        let destination = &*self.to.destination;
        let several = self.plans.images.len() > 1;
        let mut reports = Vec::new();
        for plan in &self.plans.images {
            let push = Push {
                plan,
                destination,
                tag: &self.to.tag,
                tags: (!several).then_some(self.args.tags.as_slice()),
                dir,
                trees: &self.plans.trees,
                records: &records,
                compression: self.args.compression.map(compression),
                mounts: &self.args.mounts,
                verify: self.args.verify_layers,
                dry_run: self.args.dry_run,
                threads: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
                observer: &talker,
            };
            let report = Box::pin(push.run()).await.map_err(not_pushed)?;
            self.kept.add(&report.news, self.progress).await;
            reports.push(report);
        }
        if self.args.dry_run {
            let referrers = self.sboms.wanted();
            referrers.iter().for_each(|referrer| self.progress.say(referrer.line()));
            return Ok(Pushed { digest: None, reports, referrers });
        }
        let images = self.described(&reports)?;
        let digest = if several {
            let tags: Vec<String> = std::iter::once(&self.to.tag).chain(&self.args.tags).cloned().collect();
            put_index(images.clone(), destination, &tags).await.map_err(not_pushed)?.digest
        } else {
            let manifest = reports.first().and_then(|report| report.manifest);
            manifest.ok_or_else(|| CliError::failed("the image came to nothing"))?
        };
        let referrers = self.sboms.attach(self.to, &images, digest, self.progress).await;
        destination.finish().await.map_err(refused)?;
        Ok(Pushed { digest: Some(digest.to_string()), reports, referrers: referrers? })
    }

    /// The keys of all layers, under every compression.
    fn keys(&self) -> Vec<LayerKey> {
        let specs =
            self.plans.images.iter().flat_map(|image: &ImagePlan| &image.layers).filter_map(|layer| {
                match &layer.content {
                    LayerContent::Paths(spec) => Some(spec),
                    LayerContent::File(_) => None,
                }
            });
        let all = [Compression::Zstd, Compression::Gzip, Compression::None];
        let wanted = self.args.compression.map(compression);
        let all: Vec<_> = all.into_iter().filter(|one| wanted.is_none_or(|wanted| wanted == *one)).collect();
        specs.flat_map(|spec| all.iter().filter_map(|one| LayerKey::of(spec, *one))).collect()
    }

    /// What an index says of the images.
    fn described(&self, reports: &[Report]) -> Result<Vec<Descriptor>> {
        let mut images = Vec::new();
        for (report, plan) in reports.iter().zip(&self.plans.images) {
            let digest = report.manifest.ok_or_else(|| CliError::failed("the image came to nothing"))?;
            images.push(Descriptor {
                media_type: media_type::MANIFEST.to_owned(),
                digest,
                size: report.manifest_size,
                annotations: std::collections::BTreeMap::new(),
                platform: Some(plan.platform.clone()),
                artifact_type: None,
            });
        }
        Ok(images)
    }
}

fn compression(asked: args::Compression) -> Compression {
    match asked {
        args::Compression::Zstd => Compression::Zstd,
        args::Compression::Gzip => Compression::Gzip,
        args::Compression::None => Compression::None,
    }
}
