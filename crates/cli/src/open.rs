//! Opening the server's state: its folder, its catalog, its bucket.

use std::fs::{File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use snowbank_cas::bucket::{Bucket, Place};
use snowbank_cas::budget::Budget;
use snowbank_catalog::Catalog;
use snowbank_server::service::Service;
use snowbank_server::settings::Settings;

use crate::error::{CliError, Result};

/// The state of a server, open.
pub(crate) struct Opened {
    /// The use cases over it.
    pub service: Service,
    /// Whether nothing was there before.
    pub fresh: bool,
    /// Held by the one `serve` process of a data folder; nothing for the commands that work beside it.
    pub lock: Option<File>,
}

/// Who opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The server: makes what is missing, and is alone in its data folder.
    Server,
    /// A command beside a server, or without one.
    Beside,
    /// A command that is its own server: makes what is missing, and works beside others of its kind.
    Guest,
}

/// Opens the state that the settings name.
pub(crate) async fn open(settings: Settings, role: Role) -> Result<Opened> {
    let data = PathBuf::from(&settings.data);
    let database = database(&settings, &data);
    let fresh = is_fresh(&database);
    if role == Role::Beside && fresh {
        return Err(CliError::failed(format!("there is no server state in {}", data.display()))
            .hint("name its folder with --data DIR, or start one there with `snowbank serve --data DIR`"));
    }
    make_folder(&data, role)?;
    let lock = match role {
        Role::Server => Some(lock(&data)?),
        // Who has the lock sweeps up; who has not lets the other do it.
        Role::Guest => lock(&data).ok(),
        Role::Beside => None,
    };
    let spool = data.join("spool");
    make_folder(&spool, role)?;
    let catalog = open_catalog(&database).await?;
    let place = place(&settings, &data, role)?;
    let shown = if settings.storage.is_empty() {
        data.join("bucket").display().to_string()
    } else {
        settings.storage.clone()
    };
    let bucket = Bucket::open(place, &spool, Budget::new(settings.buffers.0))
        .await
        .map_err(|error| CliError::failed(format!("could not open the storage {shown}")).because(error))?;
    if lock.is_some() {
        bucket.sweep_temporaries().await.map_err(|error| {
            CliError::failed(format!("could not clear leftovers in the storage {shown}")).because(error)
        })?;
    }
    let service = Service::open(settings, catalog, bucket).await?;
    Ok(Opened { service, fresh, lock })
}

/// Whether nothing was ever kept in the state that the settings name.
pub(crate) fn is_new(settings: &Settings) -> bool {
    is_fresh(&database(settings, Path::new(&settings.data)))
}

fn database(settings: &Settings, data: &Path) -> String {
    match settings.database.as_str() {
        "" => format!("sqlite:{}", data.join("catalog.db").display()),
        url => url.to_owned(),
    }
}

fn is_fresh(database: &str) -> bool {
    database.strip_prefix("sqlite:").is_some_and(|path| !Path::new(path).exists())
}

async fn open_catalog(database: &str) -> Result<Arc<dyn Catalog>> {
    snowbank_catalog::open(database).await.map_err(|error| {
        let failed = CliError::failed("could not open the catalog").because(error);
        match database.strip_prefix("sqlite:").filter(|path| Path::new(path).exists()) {
            Some(path) => failed.hint(format!(
                "is {path} a catalog of Snowbank's, whole and this user's? put one back from a backup, together with its storage, or move both away to begin anew"
            )),
            None => failed.hint("--database names it, `sqlite:PATH` or `postgres://...`"),
        }
    })
}

fn place(settings: &Settings, data: &Path, role: Role) -> Result<Place> {
    let Some(rest) = settings.storage.strip_prefix("s3://") else {
        let folder =
            if settings.storage.is_empty() { data.join("bucket") } else { PathBuf::from(&settings.storage) };
        make_folder(&folder, role)?;
        return Ok(Place::Directory(folder));
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(CliError::usage(format!("the storage `{}` names no bucket", settings.storage))
            .hint("it is written s3://BUCKET or s3://BUCKET/PREFIX"));
    }
    let region = if settings.s3.region.is_empty() { "us-east-1" } else { &settings.s3.region };
    Ok(Place::S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.trim_matches('/').to_owned(),
        endpoint: Some(settings.s3.endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
        region: region.to_owned(),
        access_key: settings.s3.access_key.clone(),
        secret_key: settings.s3.secret_key.clone(),
        allow_http: settings.s3.endpoint.starts_with("http://"),
    })
}

/// Only this user may look into it: the catalog holds the secrets that sign tokens.
fn make_folder(path: &Path, role: Role) -> Result<()> {
    // The argument that has named it.
    let argument = if role == Role::Guest { "--remote" } else { "--data" };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        CliError::failed(format!("could not make the folder {}", path.display()))
            .because(error)
            .hint(format!("choose another with {argument} DIR, or give this user the right to write there"))
    })
}

/// Refuses a state whose folder another server has, before anything else is tried there.
///
/// # Errors
/// When it has.
pub(crate) fn refuse_second(settings: &Settings) -> Result<()> {
    let data = Path::new(&settings.data);
    if data.join("lock").exists() { lock(data).map(drop) } else { Ok(()) }
}

fn lock(data: &Path) -> Result<File> {
    let path = data.join("lock");
    let failed = || CliError::failed(format!("could not lock {}", path.display()));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| failed().because(e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(CliError::failed(format!("another `snowbank serve` is running on {}", data.display()))
                .hint("stop it, or give this one a folder of its own with --data DIR"))
        }
        Err(TryLockError::Error(error)) => Err(failed().because(error)),
    }
}
