//! The process that serves a snapshot when the restore that found it has ended.

use std::fs::File;
use std::io::{BufRead, Read, Seek};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowbank_client::observer::Silence;
use snowbank_client::restore::CachePacks;
use snowbank_client::series::Versions;
use snowbank_client::snapshot::{MAX_INDEX, Snapshot};
use snowbank_client::substituter::{Substituter, Usage};
use tokio::io::{AsyncBufReadExt, AsyncReadExt as _, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::{Lazily, packed, secret, usage_file};
use crate::args::client::Service;
use crate::command::client::remote::Remote;
use crate::command::client::session::Session;
use crate::error::{CliError, Result};
use crate::printer::Printer;

/// How long it may take until it serves.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long it serves: longer than any job, and not for ever where nobody ends it.
const LIFE: Duration = Duration::from_secs(36 * 3600);

/// How long one that is told to end may take to answer.
const END: Duration = Duration::from_secs(5);

/// Bytes of the lines that the two processes exchange.
const MAX_LINE: u64 = 64 << 10;

/// The first line of what it gets; the snapshot's index follows.
#[derive(Serialize, Deserialize)]
struct Order {
    secret: String,
    index: String,
    pack: String,
    usage: Option<PathBuf>,
}

/// What it says when it serves.
#[derive(Serialize, Deserialize)]
struct Ready {
    url: String,
    paths: u64,
}

/// Starts the process.
pub(super) async fn start(session: &Session, remote: &Remote, snapshot: &Snapshot) -> Result<Lazily> {
    let failed = || CliError::failed("a process that serves it could not be started");
    let secret = secret().map_err(|error| failed().because(error))?;
    let order = Order {
        secret,
        index: session.versions.index.clone(),
        pack: session.versions.pack.clone(),
        usage: usage_file(session),
    };
    let mut input = serde_json::to_vec(&order).map_err(|error| failed().because(error))?;
    input.push(b'\n');
    input.extend(snapshot.encode().map_err(|error| failed().because(error))?);
    let program = std::env::current_exe().map_err(|error| failed().because(error))?;
    let mut log = tempfile::tempfile().map_err(|error| failed().because(error))?;
    let mut command = Command::new(program);
    command.arg("substituter").stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(log.try_clone().map_err(|error| failed().because(error))?);
    if let Some(asked) = &remote.asked {
        command.arg("--remote").arg(asked);
    }
    let mut child = command.spawn().map_err(|error| failed().because(error))?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed());
    };
    let talk = async {
        stdin.write_all(&input).await?;
        drop(stdin);
        let mut line = String::new();
        BufReader::new(stdout.take(MAX_LINE)).read_line(&mut line).await?;
        std::io::Result::Ok(line)
    };
    let line = tokio::time::timeout(PATIENCE, talk).await;
    let ready = line.ok().and_then(std::result::Result::ok).and_then(|line| serde_json::from_str(&line).ok());
    match ready {
        Some(Ready { url, paths }) => {
            Ok(Lazily { url, paths, bytes: packed(snapshot), usage: Usage::default(), here: None })
        }
        None => {
            let _ = child.kill().await;
            Err(CliError::failed(format!(
                "a process that serves it could not be started: {}",
                said(&mut log)
            )))
        }
    }
}

/// The beginning of what the process has said.
fn said(log: &mut File) -> String {
    let mut text = String::new();
    let read = log.rewind().and_then(|()| log.take(MAX_LINE).read_to_string(&mut text));
    let text = text.trim().lines().take(3).collect::<Vec<_>>().join("; ");
    if read.is_err() || text.is_empty() { "it said nothing".to_owned() } else { text }
}

/// Ends the one at `url`; one that has ended is no matter.
pub(crate) async fn stop(url: &str) {
    let Ok(client) = reqwest::Client::builder().no_proxy().timeout(END).build() else { return };
    let _ = client.post(format!("{url}/stop")).send().await;
}

/// What standard input says.
fn ordered() -> Result<(Order, Snapshot)> {
    let failed = || CliError::failed("could not read what to serve");
    let mut input = std::io::BufReader::new(std::io::stdin().lock());
    let mut line = String::new();
    (&mut input).take(MAX_LINE).read_line(&mut line).map_err(|error| failed().because(error))?;
    let order = serde_json::from_str(&line)
        .map_err(|error| CliError::usage("`snowbank restore --lazy` starts this").because(error))?;
    let mut index = Vec::new();
    input.take(MAX_INDEX).read_to_end(&mut index).map_err(|error| failed().because(error))?;
    let snapshot = Snapshot::decode(&index).map_err(|error| failed().because(error))?;
    Ok((order, snapshot))
}

/// `snowbank substituter`: the process itself.
pub(crate) async fn substituter(service: Service, printer: &Printer) -> Result<()> {
    let failed = || CliError::failed("could not serve the snapshot");
    // Not a part of the job's session: a terminal that closes does not end it.
    let _ = rustix::process::setsid();
    let (order, snapshot) =
        tokio::task::spawn_blocking(ordered).await.map_err(|error| failed().because(error))??;
    let remote = Remote::open(&service).await?;
    let versions = Versions { index: order.index, pack: order.pack };
    let packs = Arc::new(CachePacks { client: remote.client.clone(), versions });
    let usage = order.usage.map(|file| Usage::in_file(&file)).transpose();
    let usage = usage.ok().flatten().unwrap_or_default();
    let substituter = Substituter::open(&snapshot, packs, usage, Arc::new(Silence)).await;
    drop(snapshot);
    let paths = substituter.paths() as u64;
    let served = substituter.serve(&order.secret).await.map_err(|error| failed().because(error))?;
    let ready = Ready { url: served.url.clone(), paths };
    printer.data(serde_json::to_string(&ready).map_err(|error| failed().because(error))?);
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| failed().because(error))?;
    let stop = served.stop.clone();
    let ended = served.ended();
    tokio::pin!(ended);
    tokio::select! {
        () = &mut ended => {}
        _ = terminate.recv() => stop.cancel(),
        () = tokio::time::sleep(LIFE) => stop.cancel(),
    }
    remote.close().await;
    Ok(())
}
