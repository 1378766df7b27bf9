//! Reading an image's manifest and config.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::views;
use super::{InspectError, Viewed};
use crate::config::ConfigFile;
use crate::descriptor::{Descriptor, Platform, media_type};
use crate::destination::{Destination, Manifest};
use crate::digest::Digest;
use crate::manifest::{ImageManifest, Index, Parsed};

/// Platforms of an index that are looked at to name them.
const MOST_NAMED: usize = 20;

/// Looks at the image that a tag or a digest names; of an index, at that for the platform, or where no variant of the processor
/// is asked for, at the first for the processor. Takes two requests, of an index three. No layer is read.
///
/// # Errors
/// When there is no image for the platform, or it cannot be read.
pub async fn view(
    destination: &dyn Destination,
    reference: &str,
    platform: &Platform,
) -> Result<Viewed, InspectError> {
    let name = full_name(destination, reference);
    let Some(mut manifest) = destination.manifest(reference).await? else {
        return Err(InspectError::Missing(name));
    };
    let image = match parse(&name, &manifest)? {
        Parsed::Image(image) => image,
        Parsed::Index(index) => {
            let digest = choose(&name, &index, platform)?.digest;
            let incomplete =
                || InspectError::Incomplete { name: name.clone(), what: format!("the image {digest}") };
            manifest = destination.manifest(&digest.to_string()).await?.ok_or_else(incomplete)?;
            ImageManifest::parse(&manifest)
                .map_err(|source| InspectError::Manifest { name: name.clone(), source })?
        }
    };
    let kind = image.artifact_type.as_ref().unwrap_or(&image.config.media_type);
    if ![media_type::CONFIG, media_type::DOCKER_CONFIG].contains(&kind.as_str()) {
        return Err(InspectError::NoImage { name, kind: kind.clone() });
    }
    let config = config(destination, &name, &image).await?;
    let layers = views(&image, &config);
    let sizes: BTreeMap<Digest, u64> = layers.iter().map(|layer| (layer.digest, layer.size)).collect();
    Ok(Viewed {
        name,
        digest: manifest.digest,
        platform: config.platform,
        size: sizes.into_values().fold(0, u64::saturating_add),
        layers,
    })
}

fn full_name(destination: &dyn Destination, reference: &str) -> String {
    let sign = if reference.parse::<Digest>().is_ok() { '@' } else { ':' };
    format!("{}{sign}{reference}", destination.name())
}

fn parse(name: &str, manifest: &Manifest) -> Result<Parsed, InspectError> {
    Parsed::of(manifest).map_err(|source| InspectError::Manifest { name: name.to_owned(), source })
}

fn choose<'a>(name: &str, index: &'a Index, wanted: &Platform) -> Result<&'a Descriptor, InspectError> {
    let runs = |manifest: &&Descriptor| {
        manifest.platform.as_ref().is_some_and(|platform| {
            (&platform.os, &platform.architecture) == (&wanted.os, &wanted.architecture)
                && (wanted.variant.is_none() || platform.variant == wanted.variant)
        })
    };
    index.manifests.iter().find(runs).ok_or_else(|| {
        let platforms = index.manifests.iter().filter_map(|manifest| manifest.platform.as_ref());
        let there: BTreeSet<String> = platforms.map(text).take(MOST_NAMED).collect();
        let there = match there.len() {
            0 => "none at all".to_owned(),
            _ => there.into_iter().collect::<Vec<_>>().join(", "),
        };
        InspectError::Platform {
            name: name.to_owned(),
            wanted: text(wanted),
            there: there.escape_debug().to_string(),
        }
    })
}

fn text(platform: &Platform) -> String {
    let variant = platform.variant.as_ref().map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", platform.os, platform.architecture)
}

async fn config(
    destination: &dyn Destination,
    name: &str,
    image: &ImageManifest,
) -> Result<ConfigFile, InspectError> {
    let digest = image.config.digest;
    let Some(bytes) = destination.blob(&digest, ConfigFile::MOST_BYTES as u64).await? else {
        return Err(InspectError::Incomplete { name: name.to_owned(), what: format!("the config {digest}") });
    };
    let config =
        ConfigFile::parse(&bytes).map_err(|source| InspectError::Config { name: name.to_owned(), source })?;
    let (layers, diff_ids) = (image.layers.len(), config.diff_ids.len());
    if layers != diff_ids {
        return Err(InspectError::Layers { name: name.to_owned(), layers, diff_ids });
    }
    Ok(config)
}
