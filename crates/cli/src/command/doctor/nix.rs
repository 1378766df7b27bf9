//! Nix: whether it is there, may write its store, and is set up for a binary cache.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use reqwest::Client;
use rustix::fs::{Access, access};
use snowbank_client::doctor::nix::{Use, no_store, program, remembered, settings, store};
use snowbank_client::doctor::{Finding, Level, negative};
use snowbank_client::nix_conf::{Netrc, NixConf, Sources};
use snowbank_client::set_up::{About, about};
use snowbank_client::site::{Effort, Site, SitePlace};
use snowbank_client::text::chain;
use snowbank_nix::store::Place;
use tokio::process::Command;

use super::ask::{AGENT, get};
use super::{PATIENCE, within};
use crate::args::doctor::Doctor;
use crate::command::client::{nix_sources, place_at, untrusted};

/// Where it is when no search path names it.
const PROFILE: &str = "/nix/var/nix/profiles/default/bin/nix";

/// Paths that a cache is asked for, of those that Nix takes for missing.
const ASKED: usize = 20;

pub(super) async fn look(args: &Doctor, found: &mut Vec<Finding>) {
    let place = place_at(args.store.as_deref());
    found.push(program(version().await.as_deref()));
    found.extend(of_store(&place).await);
    let Some(cache) = &args.from else { return };
    match cache.parse::<SitePlace>() {
        Ok(at) => of_cache(at, &place, args.offline, found).await,
        Err(error) => found.push(
            Finding::new(
                Level::Problem,
                "cache-url",
                "the binary cache's URL is not valid",
                error.to_string(),
            )
            .hint("it is written http://HOST/nix/NAME"),
        ),
    }
}

async fn version() -> Option<String> {
    for program in ["nix", PROFILE] {
        if let Some(printed) = printed(program, &["--version"]).await {
            return Some(printed.trim().to_owned());
        }
    }
    None
}

/// What a program prints; none where it is not there, fails, or takes too long.
async fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).env_remove("SNOWBANK_TOKEN");
    let output = within(async { command.output().await.map_err(|error| error.to_string()) }).await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn of_store(place: &Place) -> Vec<Finding> {
    if place.database().try_exists().is_ok_and(|exists| !exists) {
        return vec![no_store(&place.database())];
    }
    let folder = place.store();
    let Some(at) = folder.ancestors().find(|folder| folder.exists()) else { return Vec::new() };
    let Ok(disk) = rustix::fs::statvfs(at) else { return Vec::new() };
    store(&folder, disk.f_bavail.saturating_mul(disk.f_frsize), writer(place).await)
}

/// Who may write to the store, in the order in which `restore` tries.
async fn writer(place: &Place) -> Option<&'static str> {
    if place.database().parent().is_some_and(|folder| access(folder, Access::WRITE_OK).is_ok()) {
        return Some("this process");
    }
    if printed("sudo", &["-n", "true"]).await.is_some() {
        return Some("a helper under sudo");
    }
    let socket = place.daemon_socket();
    let connected =
        within(async { tokio::net::UnixStream::connect(socket).await.map_err(|error| error.to_string()) });
    connected.await.is_ok().then_some("Nix's daemon")
}

async fn of_cache(at: SitePlace, place: &Place, offline: bool, found: &mut Vec<Finding>) {
    let sources = nix_sources();
    let machine = Sources { user_files: Vec::new(), text: None, ..sources.clone() };
    let (conf, machine) = match (NixConf::read(&sources), NixConf::read(&machine)) {
        (Ok(conf), Ok(machine)) => (conf, machine),
        (Err(error), _) | (_, Err(error)) => {
            let seen = chain(&error);
            found.push(
                Finding::new(Level::Problem, "nix-conf", "Nix's settings cannot be read", seen)
                    .hint("Nix itself stops at that file, too: mend it"),
            );
            return;
        }
    };
    let cache = at.cache().as_str().trim_end_matches('/').to_owned();
    let host = at.cache().host_str().unwrap_or_default().to_owned();
    let login = Netrc::read(&conf.netrc_file).login(&host).and_then(|entry| entry.password.clone());
    let token =
        std::env::var("SNOWBANK_TOKEN").ok().filter(|token| !token.is_empty()).or_else(|| login.clone());
    let about = match told(at, token.as_deref(), offline).await {
        Ok(about) => about,
        Err(why) => {
            found.push(
                Finding::new(Level::Problem, "cache-unreachable", "the binary cache does not answer", why)
                    .hint("is its server running and the name right? a private cache asks for a token, in SNOWBANK_TOKEN or Nix's netrc"),
            );
            return;
        }
    };
    // What was not asked for is not missed.
    let public = about.as_ref().is_none_or(|about| about.public);
    let keys = about.map(|about| about.public_keys).unwrap_or_default();
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let own = place.clone();
    let why = tokio::task::spawn_blocking(move || untrusted(&own));
    let why = within(async { why.await.map_err(|error| error.to_string()) }).await.unwrap_or_else(Some);
    let wanted =
        Use { cache: &cache, keys: &keys, public, login: login.is_some(), untrusted: why.as_deref() };
    found.extend(settings(&conf, &machine, &wanted));
    if !offline {
        found.extend(of_memory(&cache, token.as_deref()).await);
    }
}

/// What the server tells of the cache; none where it is not to be asked.
async fn told(at: SitePlace, token: Option<&str>, offline: bool) -> Result<Option<About>, String> {
    if offline {
        return Ok(None);
    }
    let effort = Effort { attempts: 1, wait: PATIENCE };
    let site = Site::new(at, token, AGENT, effort).map_err(|error| chain(&error))?;
    within(async { about(&site).await.map(Some).map_err(|error| chain(&error)) }).await
}

/// Whether Nix remembers paths as missing that the cache has.
async fn of_memory(cache: &str, token: Option<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    let client = Client::new();
    for file in memories() {
        let (read, url) = (file.clone(), cache.to_owned());
        let missing =
            tokio::task::spawn_blocking(move || negative::missing(&read, &url, SystemTime::now())).await;
        let Ok(Ok(missing)) = missing else { continue };
        let mut there = Vec::new();
        for name in missing.into_iter().take(ASKED) {
            let answer = get(&client, &format!("{cache}/{name}.narinfo"), token).await;
            if answer.is_ok_and(|answer| answer.status.is_success()) {
                there.push(name);
            }
        }
        found.push(remembered(cache, &file, &there));
    }
    found
}

/// The files in which Nix notes what caches have.
fn memories() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let Some(folder) = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache"))) else {
        return Vec::new();
    };
    let is_memory = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("binary-cache-v") && Path::new(name).extension().is_some_and(|end| end == "sqlite")
    };
    let entries = std::fs::read_dir(folder.join("nix")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_memory).collect()
}
