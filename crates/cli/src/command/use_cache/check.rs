//! Whether Nix asks the cache now: Nix itself says so.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use snowbank_client::nix_conf::{NixConf, Sources};
use snowbank_client::set_up::Settings;
use tokio::process::Command;

use super::login::Login;
use crate::args::client::Store;
use crate::args::use_cache::Use;
use crate::command::client::{nix_sources, place, untrusted};
use crate::error::{CliError, Result};
use crate::printer::Printer;

/// How long one run of Nix may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where it is when no search path names it, as under sudo.
const PROFILE: &str = "/nix/var/nix/profiles/default/bin/nix";

/// Characters of what Nix says that are told on.
const MOST: usize = 1000;

/// What one run of Nix came to.
enum Ran {
    Printed(String),
    Failed(String),
    /// There is none.
    Missing,
}

/// Asks Nix whether it has the settings, and gets to the cache with them.
///
/// # Errors
/// When it has not, or does not.
pub(super) async fn works(args: &Use, settings: &Settings, login: &Login, printer: &Printer) -> Result<()> {
    if args.conf.is_some() {
        printer.talk(
            "whether Nix gets to the cache was not tried: the file of settings may be another machine's",
        );
        return Ok(());
    }
    let untrusted = passed_over(settings).await;
    let cache = settings.cache.as_str();
    let failed = |what: &str| CliError::failed(format!("all is written, but {what}"));
    let shown = match nix(&[&["config", "show", "--json"], &["show-config", "--json"]], None).await {
        Ran::Printed(shown) => serde_json::from_str(&shown).unwrap_or(Value::Null),
        Ran::Failed(why) => return Err(failed("Nix refuses its settings").because(Said(login.hide(&why)))),
        Ran::Missing => {
            printer.talk("hint: there is no `nix` here, so nothing was tried");
            return Ok(());
        }
    };
    let keys = settings.keys.iter().map(ToString::to_string);
    if !lists(&shown, "substituters", cache)
        || !keys.into_iter().all(|key| lists(&shown, "trusted-public-keys", &key))
    {
        return Err(failed("Nix does not have the settings").hint(
            "a line behind the block, a user's nix.conf or NIX_CONFIG sets `substituters` or `trusted-public-keys` \
             anew: let it say `extra-substituters` and `extra-trusted-public-keys`",
        ));
    }
    // What Nix remembers of the cache must not answer in its place.
    let memory = tempfile::tempdir().map_err(|error| failed("Nix could not be tried").because(error))?;
    match nix(
        &[&["store", "info", "--store", cache], &["store", "ping", "--store", cache]],
        Some(memory.path()),
    )
    .await
    {
        Ran::Printed(_) => match untrusted {
            None => printer.talk("Nix gets to the cache"),
            Some(why) => not_in_builds(settings, &why, printer),
        },
        Ran::Failed(why) => {
            return Err(failed("Nix does not get to the cache")
                .because(Said(login.hide(&why)))
                .hint("do a proxy, a firewall or another entry of the netrc file keep it away?"));
        }
        Ran::Missing => {}
    }
    Ok(())
}

/// Why the daemon, which builds for this user, passes the settings over; none where it heeds them.
async fn passed_over(settings: &Settings) -> Option<String> {
    if rustix::process::geteuid().is_root() {
        return None;
    }
    let why = tokio::task::spawn_blocking(|| untrusted(&place(&Store::default()))).await.ok()??;
    // What the machine's own settings allow, every user may ask for.
    let machine = Sources { user_files: Vec::new(), text: None, ..nix_sources() };
    let allowed = NixConf::read(&machine).is_ok_and(|conf| {
        let same = |url: &String| url.trim_end_matches('/') == settings.cache.as_str();
        conf.substituters.iter().chain(&conf.trusted_substituters).any(same)
            && settings.keys.iter().all(|key| conf.trusted_public_keys.contains(&key.to_string()))
    });
    (!allowed).then_some(why)
}

fn not_in_builds(settings: &Settings, why: &str, printer: &Printer) {
    let cache = &settings.cache;
    printer.talk(format!(
        "warning: Nix gets to the cache where a command names it (`nix copy --from {cache}`), but builds will pass it over: {why}"
    ));
    printer.talk(format!("hint: `sudo snowbank use {cache}` sets up the whole machine"));
    printer.talk("hint: or have an administrator add this user to `trusted-users` in the machine's nix.conf");
}

/// Whether a setting, as Nix prints it, has this word.
fn lists(shown: &Value, name: &str, word: &str) -> bool {
    let same = |listed: &Value| listed.as_str().is_some_and(|listed| listed.trim_end_matches('/') == word);
    shown[name]["value"].as_array().is_some_and(|list| list.iter().any(same))
}

/// Runs Nix with the first of these arguments that it knows: names of commands have changed.
async fn nix(forms: &[&[&str]], memory: Option<&Path>) -> Ran {
    let mut ran = Ran::Missing;
    for form in forms {
        ran = match once("nix", form, memory).await {
            Ran::Missing => once(PROFILE, form, memory).await,
            ran => ran,
        };
        if !matches!(&ran, Ran::Failed(why) if why.contains("not a recognised command")) {
            break;
        }
    }
    ran
}

async fn once(program: &str, arguments: &[&str], memory: Option<&Path>) -> Ran {
    let mut command = Command::new(program);
    command.args(["--extra-experimental-features", "nix-command"]).args(arguments);
    command.stdin(Stdio::null()).kill_on_drop(true).env_remove("SNOWBANK_TOKEN");
    if let Some(folder) = memory {
        command.env("XDG_CACHE_HOME", folder);
    }
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            Ran::Printed(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(Ok(output)) => Ran::Failed(last(&String::from_utf8_lossy(&output.stderr))),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Ran::Missing,
        Ok(Err(error)) => Ran::Failed(error.to_string()),
        Err(_) => Ran::Failed(format!("it was not done after {} s", PATIENCE.as_secs())),
    }
}

/// Nix's error itself, and not what it said before.
fn last(said: &str) -> String {
    let lines: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let from = lines.iter().rposition(|line| line.starts_with("error:")).unwrap_or(0);
    let text = lines[from..].join(" ");
    text.chars().filter(|c| !c.is_control()).take(MOST).collect()
}

/// Nix's words as a cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_lists_whole_words() {
        let shown = serde_json::json!({ "substituters": { "value": ["https://h/nix/team/"] } });
        assert!(lists(&shown, "substituters", "https://h/nix/team"));
        assert!(!lists(&shown, "substituters", "https://h/nix/tea"));
        assert!(!lists(&Value::Null, "substituters", "https://h/nix/tea"));
    }

    #[test]
    fn of_what_nix_says_the_error_counts() {
        assert_eq!(last("warning: error: x; retrying\n\nerror: \u{1b}[31mno\n  y\n"), "error: [31mno y");
        assert_eq!(last(""), "");
    }
}
