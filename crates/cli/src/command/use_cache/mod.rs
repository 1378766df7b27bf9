//! `snowbank use`: has the Nix of this machine ask a cache.

mod check;
mod login;
mod place;

use std::time::Duration;

use snowbank_actions::client::ClientError;
use snowbank_client::set_up::file::Found;
use snowbank_client::set_up::{self, About, Form, Settings, may_carry_token};
use snowbank_client::site::{Effort, Site, SitePlace};
use url::Url;

use crate::args::use_cache::Use;
use crate::error::{CliError, Result};
use crate::printer::Printer;
use login::Login;
use place::{Files, unwritten};

/// For a person who waits.
const EFFORT: Effort = Effort { attempts: 2, wait: Duration::from_secs(20) };

pub(crate) async fn run(args: Use, printer: &Printer) -> Result<()> {
    let place = cache(&args.cache)?;
    let url = place.cache().clone();
    let files = Files::of(&args, &url)?;
    if args.remove {
        return remove(&files, &url, printer);
    }
    let login = Login::of(&args, &files, &url)?;
    let about = ask(place, &login).await?;
    let netrc_file = if login.is_given() { files.named_netrc() } else { files.named_before.clone() };
    let settings = Settings { cache: url, keys: about.public_keys.clone(), netrc_file };
    warn(&about, &settings.cache, printer);
    if let Some(form) = args.print {
        let private = (!about.public).then_some(files.netrc.as_path());
        printer.data(settings.shown(Form::from(form), private).trim_end());
        return Ok(());
    }
    write(&files, &settings, &login, printer)?;
    check::works(&args, &settings, &login, printer).await
}

/// The cache that is meant.
fn cache(text: &str) -> Result<SitePlace> {
    let place: SitePlace =
        text.parse().map_err(|error| CliError::usage("the URL is not valid").because(error))?;
    if Url::parse(text).is_ok_and(|url| url.password().is_some() || !url.username().is_empty()) {
        return Err(CliError::usage("the URL holds a login, which everybody on this machine can see")
            .hint("put the token into SNOWBANK_TOKEN, or into a file for --token-file"));
    }
    Ok(place)
}

/// What the server tells of the cache.
async fn ask(place: SitePlace, login: &Login) -> Result<About> {
    let who = place.to_string();
    let agent = concat!("snowbank/", env!("CARGO_PKG_VERSION"));
    let failed = || CliError::failed(format!("could not set up Nix for {who}"));
    let site = Site::new(place, login.token(), agent, EFFORT).map_err(|error| failed().because(error))?;
    set_up::about(&site).await.map_err(|error| {
        let hints: &[&str] = match &error {
            ClientError::Denied { .. } => &[
                "a private cache asks for a token, in SNOWBANK_TOKEN or --token-file: `snowbank token create --cache NAME:pull`",
                "one that does not exist answers alike: is the name right?",
            ],
            ClientError::Missing { .. } => &["is the name right? who has a token for another cache sees none, either"],
            ClientError::Garbage { .. } => &["is that a Snowbank server? the URL is written http://HOST/nix/NAME"],
            _ => &["is its server running, and the URL right?"],
        };
        hints.iter().fold(failed().because(error), |failed, hint| failed.hint(*hint))
    })
}

/// What may be wrong with it all the same.
fn warn(about: &About, cache: &Url, printer: &Printer) {
    if about.store_dir != "/nix/store" {
        let dir = about.store_dir.escape_debug();
        printer.talk(format!("warning: the cache is for stores at {dir}; Nix with another one refuses it"));
    }
    if !may_carry_token(cache) {
        printer
            .talk("warning: the keys came unencrypted, so whoever is on the way could have put in their own");
        printer.talk(
            "hint: compare them with those of the server's administrator, or let the server have https",
        );
    }
}

fn write(files: &Files, settings: &Settings, login: &Login, printer: &Printer) -> Result<()> {
    let conf = Found::read(&files.conf).map_err(unwritten)?;
    let changed = login.write(files)?;
    if changed {
        printer.talk(format!("the token is in {}", files.netrc.display()));
    }
    let text = set_up::put(&conf.bytes, settings);
    let changed = conf.replace(&text, false).map_err(unwritten)?;
    let already = if changed { "" } else { " already" };
    printer.talk(format!("{} tells Nix of {}{already}", files.conf.display(), settings.cache));
    if changed && files.system && files.has_daemon() {
        let restart = match cfg!(target_os = "macos") {
            true => "launchctl kickstart -k system/org.nixos.nix-daemon",
            false => "systemctl restart nix-daemon",
        };
        printer.talk(format!("hint: Nix's daemon reads it when it starts: `{restart}`"));
    }
    Ok(())
}

fn remove(files: &Files, cache: &Url, printer: &Printer) -> Result<()> {
    let conf = Found::read(&files.conf).map_err(unwritten)?;
    let text = set_up::take(&conf.bytes, cache);
    let told = conf.replace(&text, false).map_err(unwritten)?;
    // The login is the server's, and so that of its other caches.
    let host = set_up::machine(cache);
    let shared = set_up::caches(&text).iter().any(|other| set_up::machine(other) == host);
    let forgotten = !shared && login::forget(files, cache)?;
    if told {
        printer.talk(format!("{} tells Nix of {cache} no more", files.conf.display()));
    }
    if forgotten {
        printer.talk(format!("the token is gone from {}", files.netrc.display()));
    }
    if !told && !forgotten {
        printer.talk(format!("{} has nothing about {cache}", files.conf.display()));
    }
    Ok(())
}
