//! `snowbank health`: for where there is no curl, as in an image with nothing but this program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use super::ask::server_url;
use crate::args::State;
use crate::args::health::Health;
use crate::config;
use crate::error::{CliError, Result};
use crate::printer::Printer;

/// How long a server may take: it gives each of its parts five seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read.
const MOST: usize = 64 << 10;

pub(super) async fn run(args: Health, printer: &Printer) -> Result<()> {
    let (client, url) = match &args.server {
        Some(url) => (Client::builder(), server_url(url)?.as_str().trim_end_matches('/').to_owned()),
        // A proxy that the environment names is for the way out.
        None => (Client::builder().no_proxy(), here(&args)?),
    };
    let failed = || CliError::failed(format!("the server at {url} could not be asked"));
    let because = |error: reqwest::Error| failed().because(error.without_url());
    let unreached = |error| because(error).hint("is it running? `--server URL` names another");
    let client = client.timeout(PATIENCE).build().map_err(because)?;
    let answer = client.get(format!("{url}/readyz")).send().await.map_err(unreached)?;
    let status = answer.status();
    let Some(said) = read(answer).await.map_err(because)? else {
        let what = format!("it answered with status {} and no word on its health", status.as_u16());
        return Err(CliError { causes: vec![what], ..failed() });
    };
    let ready = status == StatusCode::OK && said["ready"] == true;
    if args.json {
        printer.data(said.to_string());
    } else if ready {
        printer.data("ready");
    }
    if ready { Ok(()) } else { Err(unwell(&url, &said)) }
}

/// The JSON of an answer, if it is some.
async fn read(mut answer: Response) -> reqwest::Result<Option<Value>> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await? {
        if body.len() + part.len() > MOST {
            return Ok(None);
        }
        body.extend_from_slice(&part);
    }
    Ok(serde_json::from_slice(&body).ok())
}

/// Where the server of this machine is to be reached.
fn here(args: &Health) -> Result<String> {
    let state = State { config: args.config.clone(), ..State::default() };
    let listen = config::read(&state, Vec::new())?.settings.listen;
    let mut url = format!("http://{listen}");
    if let Ok(mut address) = listen.parse::<SocketAddr>() {
        if address.port() == 0 {
            return Err(CliError::usage("the server listens on a port that nobody knows beforehand")
                .hint("name it with --server http://HOST:PORT"));
        }
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            });
        }
        url = format!("http://{address}");
    }
    Ok(url)
}

/// What is the matter, part by part.
fn unwell(url: &str, said: &Value) -> CliError {
    let mut error = CliError::failed(format!("the server at {url} is not ready"));
    for part in ["database", "storage", "disk"] {
        let state = said[part].as_str().filter(|state| *state != "ok");
        error.causes.extend(state.map(|state| format!("{part}: {}", state.escape_debug())));
    }
    if said["stopping"] == true {
        error.causes.push("it is stopping".to_owned());
    }
    error
}
