//! What an image is made of: image JSONs or store paths, of this machine's store, a binary cache or a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_client::image::source::{FromCache, FromSnapshot, ImageSource, Means, SourceError};
use snowbank_client::observer::Observer;
use snowbank_client::series::{Key, Naming, Versions};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{Place, StoreError};
use snowbank_nix::store_path::StorePath;
use snowbank_oci::image_json::ImageJson;
use snowbank_oci::tree::{StoreTrees, read_file};

use crate::args::client::Store;
use crate::args::image as args;
use crate::command::client::{Access, Progress, Remote, system, upstreams as named_upstreams};
use crate::error::{CliError, Result};

/// Bytes of an image JSON at most.
const MAX_JSON: u64 = 64 << 20;

/// What an image is made of.
pub(super) enum Input {
    /// Images that nix2container built: where each was read, and what it says.
    Built(Vec<(String, ImageJson)>),
    /// Store paths: those that [`Source::paths`] was opened with.
    Paths,
}

/// The arguments, and where the content of what they name is.
pub(super) struct Source {
    pub(super) input: Input,
    pub(super) paths: ImageSource,
}

/// Where paths come from.
pub(super) enum Supply {
    Store,
    Cache(Box<Access>),
    Snapshot(Key),
}

impl Supply {
    /// What `--from` names.
    pub(super) async fn new(args: &args::From, place: &Place, progress: &Progress) -> Result<Self> {
        let Some(from) = &args.from else { return Ok(Self::Store) };
        if !from.starts_with("http://") && !from.starts_with("https://") {
            let wrong =
                || CliError::usage(format!("--from {} is neither a URL nor a key", from.escape_debug()));
            return from.parse().map(Self::Snapshot).map_err(|error| wrong().because(error));
        }
        Ok(Self::Cache(Box::new(Access::new(from, "--from", &args.trust, place, progress).await?)))
    }
}

/// Reads what the arguments name.
///
/// # Errors
/// When one is nowhere, or an image JSON is none, or both kinds are named.
pub(super) async fn read(
    supply: &Supply,
    remote: Option<&Remote>,
    args: &args::From,
    sources: &[String],
    place: &Place,
    progress: &Arc<Progress>,
) -> Result<Source> {
    let (mut built, mut roots) = (Vec::new(), Vec::new());
    for text in sources {
        match named(supply, place, text)? {
            Named::File(json) => built.push((text.clone(), json)),
            Named::Path(path) => roots.push(path),
        }
    }
    let paths = open(supply, remote, args, &roots, place, progress).await?;
    let (jsons, others): (Vec<_>, Vec<_>) =
        roots.into_iter().partition(|path| path.name().ends_with(".json"));
    for path in jsons {
        let (trees, wanted) = (paths.trees(), path.clone());
        let read = tokio::task::spawn_blocking(move || read_file(&*trees, &wanted, MAX_JSON)).await;
        let failed = || CliError::failed(format!("could not read the image JSON {}", path.base_name()));
        let bytes =
            read.map_err(|error| failed().because(error))?.map_err(|error| failed().because(error))?;
        built.push((path.base_name().to_owned(), bytes));
    }
    let input = match (built.is_empty(), others.is_empty()) {
        (false, false) => {
            return Err(CliError::usage(
                "image JSONs and store paths are no one image: push them one by one",
            ));
        }
        (true, _) => Input::Paths,
        (false, true) => {
            let parsed = built.into_iter().map(|(name, bytes)| {
                let failed = || CliError::failed(format!("{name} is no image that nix2container built"));
                let json = ImageJson::parse(&bytes, place.dir()).map_err(|error| failed().because(error))?;
                Ok((name, json))
            });
            Input::Built(parsed.collect::<Result<_>>()?)
        }
    };
    Ok(Source { input, paths })
}

/// What an argument names.
enum Named {
    /// A file that is not in the store: its content.
    File(Vec<u8>),
    /// A store path.
    Path(StorePath),
}

fn named(supply: &Supply, place: &Place, text: &str) -> Result<Named> {
    let parsed = if text.contains('/') { place.dir().parse(text).ok() } else { text.parse().ok() };
    if let Some(path) = parsed {
        return Ok(Named::Path(path));
    }
    let nothing =
        || CliError::usage(format!("`{}` is neither a store path nor an image JSON", text.escape_debug()));
    if !matches!(supply, Supply::Store) && !Path::new(text).exists() {
        return Err(nothing().hint("`nix eval --raw .#NAME.outPath` prints the path without building it"));
    }
    // Such as the `result` of a build.
    let real = std::fs::canonicalize(text).map_err(|error| nothing().because(error))?;
    let store = std::fs::canonicalize(place.store()).unwrap_or_else(|_| place.store());
    let inside = [store.as_path(), Path::new(place.dir().as_str())]
        .into_iter()
        .find_map(|dir| real.strip_prefix(dir).ok());
    if let Some(inside) = inside {
        let first = inside.components().next().and_then(|first| first.as_os_str().to_str()?.parse().ok());
        return first.map(Named::Path).ok_or_else(nothing);
    }
    let size = std::fs::metadata(&real).map_err(|error| nothing().because(error))?;
    if !size.is_file() || size.len() > MAX_JSON {
        return Err(nothing());
    }
    std::fs::read(&real).map(Named::File).map_err(|error| nothing().because(error))
}

async fn open(
    supply: &Supply,
    remote: Option<&Remote>,
    args: &args::From,
    roots: &[StorePath],
    place: &Place,
    progress: &Arc<Progress>,
) -> Result<ImageSource> {
    let observer: Arc<dyn Observer> = progress.clone();
    let opened = match supply {
        Supply::Store => {
            let trees = Arc::new(StoreTrees::new(place.clone()));
            ImageSource::open_store(place, trees, roots).await
        }
        Supply::Cache(access) => {
            let from = FromCache {
                site: access.site.clone(),
                dir: place.dir().clone(),
                trust: access.trust.clone(),
                elsewhere: access.elsewhere.clone(),
                means: Means { upstreams: Arc::clone(&access.upstreams), observer },
            };
            ImageSource::open_cache(from, roots).await
        }
        Supply::Snapshot(key) => {
            let Some(remote) = remote else { return Err(no_service()) };
            let upstreams = Arc::new(upstreams(args, place, progress)?);
            let versions = Versions::new(&system(), place.dir());
            let from = FromSnapshot {
                client: &remote.client,
                versions: &versions,
                naming: Naming::Generations,
                key,
                prefixes: &[],
                means: Means { upstreams, observer },
            };
            ImageSource::open_snapshot(from, roots).await
        }
    };
    opened.map_err(|error| missing(supply, error))
}

fn upstreams(args: &args::From, place: &Place, progress: &Progress) -> Result<Upstreams> {
    let store = Store {
        upstreams: args.trust.upstreams.clone(),
        upstream_keys: args.trust.upstream_keys.clone(),
        ..Store::default()
    };
    named_upstreams(&store, place, progress)
}

fn no_service() -> CliError {
    CliError::usage("no cache service is named, of which --from KEY is a snapshot")
        .hint("name one with --remote URL, or a folder with --remote DIR")
}

/// Paths that are nowhere.
pub(super) fn missing(supply: &Supply, error: SourceError) -> CliError {
    let absent = matches!(error, SourceError::Absent(_));
    let failed = CliError::failed("the image's store paths cannot be had").because(error);
    match supply {
        Supply::Store if absent => failed
            .hint("build them, or take them from a cache or a snapshot with --from")
            .hint("a private store is named with --store ROOT"),
        _ => failed,
    }
}

impl Source {
    /// The infos of those paths that can be had.
    pub(super) async fn infos(
        &self,
        paths: &BTreeSet<&StorePath>,
        supply: &Supply,
    ) -> Result<BTreeMap<StorePath, PathInfo>> {
        let mut wanted: Vec<StorePath> = paths.iter().map(|path| (*path).clone()).collect();
        loop {
            match self.paths.infos(&wanted).await {
                Ok(infos) => return Ok(infos),
                // Their layers may be in the registry.
                Err(SourceError::Absent(absent)) if !absent.is_empty() => {
                    let before = wanted.len();
                    wanted.retain(|path| !absent.contains(path));
                    if wanted.len() == before {
                        return Err(missing(supply, SourceError::Absent(absent)));
                    }
                }
                // A machine without any store pushes what the registry has, too.
                Err(SourceError::Store(StoreError::Absent(_))) => return Ok(BTreeMap::new()),
                Err(error) => return Err(missing(supply, error)),
            }
        }
    }
}
