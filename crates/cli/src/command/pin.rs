//! `snowbank pin`: what a binary cache keeps whatever else goes.

use std::path::PathBuf;

use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::{Value, json};
use snowbank_server::settings::Span;

use crate::args::pin::{CacheUrl, Pin};
use crate::command::ask::{Asked, token_in};
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(crate) async fn run(args: Pin, printer: &Printer) -> Result<()> {
    match args {
        Pin::Add { name, path, expires, cache } => {
            let expires: Option<Span> = expires
                .map(|text| text.parse())
                .transpose()
                .map_err(|error| CliError::usage("--expires is not valid").because(error))?;
            let path = store_path(path);
            let body = json!({ "path": path, "expires_in": expires.map(|span| span.0.as_secs()) });
            ask(&cache, Method::PUT, Some(&name), Some(&body)).await?;
            printer.talk(format!("{path} is kept as {name}"));
        }
        Pin::Remove { name, cache } => {
            ask(&cache, Method::DELETE, Some(&name), None).await?;
            printer.talk(format!("{name} is removed"));
        }
        Pin::List { json, cache } => {
            let answer = ask(&cache, Method::GET, None, None).await?;
            if json {
                printer.data(format!("{answer:#}"));
                return Ok(());
            }
            for pin in answer["pins"].as_array().into_iter().flatten() {
                let text = |name: &str| pin[name].as_str().unwrap_or_default();
                let until =
                    pin["expires_at"].as_str().map_or_else(String::new, |time| format!("  until {time}"));
                printer.data(format!(
                    "{:<20}  {}{until}",
                    text("name").escape_debug().to_string(),
                    text("path")
                ));
            }
        }
    }
    Ok(())
}

/// What a link such as `result` leads to.
fn store_path(path: PathBuf) -> String {
    let target = std::fs::canonicalize(&path).unwrap_or(path);
    target.display().to_string()
}

async fn ask(cache: &CacheUrl, method: Method, name: Option<&str>, body: Option<&Value>) -> Result<Value> {
    let url = api(&cache.to, name)?;
    let token = match &cache.token_file {
        Some(path) => Some(token_in(path)?),
        None => std::env::var("SNOWBANK_TOKEN").ok().filter(|token| !token.is_empty()),
    };
    let asked = Asked {
        who: format!("the cache {}", cache.to),
        unreached: "is its server running?",
        refused: "a token comes from `snowbank token create --cache NAME:pin`, in SNOWBANK_TOKEN or --token-file",
    };
    let request = |client: &Client| {
        let request = client.request(method, url);
        let request = token.into_iter().fold(request, RequestBuilder::bearer_auth);
        body.iter().fold(request, RequestBuilder::json)
    };
    asked.ask(request).await
}

/// The address of a cache's pins, below that of its server.
fn api(cache: &str, name: Option<&str>) -> Result<Url> {
    let wrong =
        || CliError::usage(format!("`{cache}` is no cache's URL")).hint("it is written http://HOST/nix/NAME");
    let mut url = Url::parse(cache).map_err(|error| wrong().because(error))?;
    let path = url.path().trim_end_matches('/').to_owned();
    let (base, own) = path.rsplit_once("/nix/").ok_or_else(wrong)?;
    url.set_path(base);
    url.path_segments_mut()
        .map_err(|()| wrong())?
        .pop_if_empty()
        .extend(["api", "v1", "nix", own, "pins"])
        .extend(name);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_lies_beside_the_caches() {
        let pins = |cache| api(cache, None).unwrap().to_string();
        assert_eq!(pins("http://host:1/nix/team"), "http://host:1/api/v1/nix/team/pins");
        assert_eq!(pins("https://host/below/nix/team/"), "https://host/below/api/v1/nix/team/pins");
        let named = api("http://host/nix/team", Some("a/b c")).unwrap();
        assert_eq!(named.path(), "/api/v1/nix/team/pins/a%2Fb%20c");
        for wrong in ["", "team", "http://host", "http://host/other/team", "file:///nix"] {
            assert!(api(wrong, None).is_err(), "{wrong}");
        }
    }
}
