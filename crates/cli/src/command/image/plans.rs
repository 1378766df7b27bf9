//! The images that the arguments ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Place;
use snowbank_nix::store_path::StorePath;
use snowbank_oci::config::Timestamp;
use snowbank_oci::descriptor::Platform;
use snowbank_oci::image::{ImagePlan, LayerContent, plan_json, plan_paths};
use snowbank_oci::labels::add_labels;
use snowbank_oci::layer::parts;
use snowbank_oci::nix_database::NixDatabase;
use snowbank_oci::plan::{Pattern, PlanOptions, unmatched};
use snowbank_oci::tree::Trees;
use snowbank_server::settings::ByteSize;

use super::config;
use super::source::{Input, Source, Supply};
use crate::args::image as args;
use crate::command::client::Progress;
use crate::command::github::variable;
use crate::error::{CliError, Result};

/// The images, and what is known of the paths in them.
pub(super) struct Plans {
    pub(super) images: Vec<ImagePlan>,
    pub(super) infos: BTreeMap<StorePath, PathInfo>,
    /// The content of all that is in them.
    pub(super) trees: Arc<dyn Trees>,
}

/// Plans what the arguments ask for.
///
/// # Errors
/// When they contradict each other, or it does not fit.
pub(super) async fn plans(
    args: &args::Push,
    supply: &Supply,
    source: &Source,
    place: &Place,
    progress: &Arc<Progress>,
) -> Result<Plans> {
    let created = config::created(&args.config, variable("SOURCE_DATE_EPOCH"))?;
    let mut plans = match &source.input {
        Input::Built(images) => {
            if let Some(name) = config::given(&args.config, &args.layers) {
                return Err(CliError::usage(format!("{name} is for images of store paths"))
                    .hint("an image JSON says by itself what is in the image and what it runs"));
            }
            built(images, created, supply, source, place, progress).await?
        }
        Input::Paths => of_paths(args, created, source, place, progress).await?,
    };
    for image in &mut plans.images {
        let labels = args.config.label.iter().filter_map(|text| text.split_once('='));
        image.config.labels.extend(labels.map(|(name, value)| (name.to_owned(), value.to_owned())));
        if !args.no_ci_labels {
            add_labels(&mut image.config, variable);
        }
        for layer in &image.layers {
            if let LayerContent::Paths(spec) = &layer.content {
                let warnings = spec.warnings(place.dir());
                warnings.iter().for_each(|warning| progress.warn(&warning.to_string()));
            }
        }
    }
    Ok(plans)
}

async fn built(
    images: &[(String, snowbank_oci::image_json::ImageJson)],
    created: Option<Timestamp>,
    supply: &Supply,
    source: &Source,
    place: &Place,
    progress: &Arc<Progress>,
) -> Result<Plans> {
    let mut plans = Plans { images: Vec::new(), infos: BTreeMap::new(), trees: source.paths.trees() };
    for (name, json) in images {
        for warning in &json.warnings {
            progress.warn(&format!("{name}: {warning}"));
        }
        let failed = || CliError::failed(format!("{name} cannot be pushed"));
        let plan = plan_json(json.clone(), place.dir(), config::architecture());
        let mut plan = plan.map_err(|error| failed().because(error))?;
        if let Some(created) = &created {
            plan.created = Some(created.clone());
        }
        let infos = source.infos(&plan.paths(), supply).await?;
        plan.fill_in(&infos);
        plans.infos.extend(infos);
        plans.images.push(plan);
    }
    let mut processors: Vec<&Platform> = plans.images.iter().map(|image| &image.platform).collect();
    processors.sort();
    if let Some(twice) = processors.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(CliError::usage(format!("two images are for {}", twice[0].architecture))
            .hint("several images go under one tag when each is for another processor"));
    }
    Ok(plans)
}

async fn of_paths(
    args: &args::Push,
    created: Option<Timestamp>,
    source: &Source,
    place: &Place,
    progress: &Progress,
) -> Result<Plans> {
    let wrong = |name: &str| CliError::usage(format!("{name} is not valid"));
    let cap: ByteSize =
        args.layers.max_layer_size.parse().map_err(|error| wrong("--max-layer-size").because(error))?;
    let named = groups(&args.layers.named)?;
    let closure = source.paths.closure().clone();
    for (name, _) in unmatched(&closure, &named) {
        progress.warn(&format!("a pattern of --layer {name} matches no path"));
    }
    let infos = closure.iter().map(|info| (info.path.clone(), info.clone())).collect();
    let platform = Platform {
        architecture: args.config.arch.clone().unwrap_or_else(|| config::architecture().to_owned()),
        os: "linux".to_owned(),
        variant: None,
    };
    let (config, created) = (config::config(&args.config)?, created.unwrap_or_else(Timestamp::of_store));
    let (trees, dir) = (source.paths.trees(), place.dir().clone());
    let volumes = config::volumes(&args.config)?;
    let with_database = args.layers.nix_database;
    let max_layers = layers_of_paths(args, volumes.is_some())?;
    let failed = || CliError::failed("the store paths do not make an image");
    let planned = tokio::task::spawn_blocking(move || {
        let parts = |path: &StorePath, cap| Ok(parts(path, &dir, &mut *trees.open(path)?, cap)?);
        let options = PlanOptions { max_layers, cap: cap.0, named, parts: &parts };
        let plan = plan_paths(&closure, &options, config, platform, created.clone());
        let (mut image, mut trees) = (plan.map_err(|error| failed().because(error))?, trees.clone());
        if let Some(volumes) = volumes {
            image.layers.insert(0, volumes.layer(&created));
            trees = volumes.among(trees);
        }
        if with_database {
            let database = NixDatabase::new(&closure, &*trees, &dir);
            let database = database.map_err(|error| failed().because(error))?;
            image.layers.push(database.layer(&created));
            trees = database.among(trees);
        }
        Ok::<_, CliError>((image, trees))
    });
    let (image, trees) = planned.await.map_err(|error| failed().because(error))??;
    Ok(Plans { images: vec![image], infos, trees })
}

/// How many of the layers are left for store paths.
fn layers_of_paths(args: &args::Push, with_volumes: bool) -> Result<usize> {
    let own = [("--nix-database", args.layers.nix_database), ("--volume", with_volumes)];
    let own: Vec<_> = own.iter().filter(|(_, given)| *given).collect();
    match (own.first(), args.layers.max_layers) {
        (Some((name, _)), most) if (1..=own.len()).contains(&most) => {
            Err(CliError::usage(format!("{name} takes a layer of its own"))
                .hint(format!("--max-layers must be at least {} with it", own.len() + 1)))
        }
        (_, most) => Ok(most.saturating_sub(own.len())),
    }
}

/// `NAME=PATTERN`s, those of one name together, in the order of the arguments.
fn groups(given: &[String]) -> Result<Vec<(String, Vec<Pattern>)>> {
    let mut groups: Vec<(String, Vec<Pattern>)> = Vec::new();
    for text in given {
        let wrong = || CliError::usage(format!("--layer {} is not valid", text.escape_debug()));
        let (name, pattern) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            wrong().hint("it is written as --layer NAME=PATTERN: --layer pak3='python3.14-*'")
        })?;
        let pattern: Pattern = pattern.parse().map_err(|error| wrong().because(error))?;
        match groups.iter_mut().find(|(known, _)| known == name) {
            Some((_, patterns)) => patterns.push(pattern),
            None => groups.push((name.to_owned(), vec![pattern])),
        }
    }
    Ok(groups)
}
