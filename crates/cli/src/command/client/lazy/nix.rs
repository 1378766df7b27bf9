//! Whether the Nix of this machine asks a cache of this user, and how it is told of one.

use std::process::Command;
use std::time::Duration;

use rustix::fs::{Access, access};
use snowbank_client::nix_conf::{NixConf, Sources};
use snowbank_nix::daemon::{Daemon, Trust};
use snowbank_nix::store::Place;

use crate::command::client::upstreams::sources;

/// What the secret part of our caches' URLs begins with.
pub(super) const MARK: &str = "snowbank-";

/// How long the daemon may take to greet.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why it would not ask; none if it does.
pub(super) fn refusal(place: &Place) -> Option<String> {
    proxied(|name| std::env::var(name).ok()).or_else(|| untrusted(place))
}

/// Why it would not heed this user's settings; none if it does.
pub(crate) fn untrusted(place: &Place) -> Option<String> {
    // Who may write to the database builds without a daemon, and every daemon trusts root.
    let database = place.database();
    let owned = database.parent().is_some_and(|folder| access(folder, Access::WRITE_OK).is_ok());
    if owned || rustix::process::geteuid().is_root() {
        return None;
    }
    match Daemon::connect(place, Some(PATIENCE)).map(|daemon| daemon.trust()) {
        Ok(Trust::Trusted) => None,
        Ok(Trust::Untrusted) => Some("its daemon does not trust this user".to_owned()),
        Ok(Trust::Unknown) => {
            let conf = NixConf::read(&Sources { user_files: Vec::new(), text: None, ..sources() }).ok()?;
            let (user, groups) = (asked("-un"), asked("-Gn"));
            let trusted = is_trusted(&conf.trusted_users, &user, &groups);
            (!trusted).then(|| "its trusted-users do not name this user".to_owned())
        }
        Err(error) => Some(error.to_string()),
    }
}

/// Nix's downloads go to a proxy where one is named, even those from this machine.
fn proxied(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    set("http_proxy").or_else(|| set("all_proxy"))?;
    let direct = set("no_proxy").or_else(|| set("NO_PROXY")).unwrap_or_default();
    let here = direct.split(',').any(|host| matches!(host.trim(), "*" | "127.0.0.1" | "127.0.0.0/8"));
    (!here).then(|| "http_proxy is set, and no_proxy does not name 127.0.0.1".to_owned())
}

/// What `id` says.
fn asked(flag: &str) -> String {
    let said = Command::new("id").arg(flag).output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default()
}

fn is_trusted(trusted: &[String], user: &str, groups: &str) -> bool {
    trusted.iter().any(|name| match name.strip_prefix('@') {
        Some(group) => groups.split_whitespace().any(|own| own == group),
        None => name == "*" || name == user.trim(),
    })
}

/// The text for NIX_CONFIG that has Nix ask the cache at `url`, beside what it says already. Nix takes unsigned paths from
/// it, as a restore would; what it cannot give is built.
pub(crate) fn settings(url: &str, before: Option<&str>) -> String {
    let ours = |line: &&str| line.contains("://127.0.0.1:") && line.contains(MARK);
    let mut text = String::new();
    for line in before.unwrap_or_default().lines().filter(|line| !ours(line)) {
        text += &format!("{line}\n");
    }
    text + &format!("extra-substituters = {url}?trusted=true\nfallback = true\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_keep_what_was_set_and_name_one_cache_of_ours() {
        let first = settings("http://127.0.0.1:1/snowbank-a", Some("cores = 2"));
        assert_eq!(
            first,
            "cores = 2\nextra-substituters = http://127.0.0.1:1/snowbank-a?trusted=true\nfallback = true\n"
        );
        let second = settings("http://127.0.0.1:2/snowbank-b", Some(&first));
        assert_eq!(second.matches("extra-substituters").count(), 1);
        assert!(second.contains(":2/snowbank-b") && second.starts_with("cores = 2\n"), "{second}");
    }

    #[test]
    fn a_proxy_keeps_nix_from_this_machine() {
        let with = |variables: &'static [(&str, &str)]| {
            proxied(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
            })
        };
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[("http_proxy", "")]), None);
        assert!(with(&[("http_proxy", "http://proxy/")]).is_some());
        assert_eq!(with(&[("http_proxy", "http://proxy/"), ("no_proxy", "x, 127.0.0.1")]), None);
        assert!(with(&[("all_proxy", "http://proxy/"), ("NO_PROXY", "localhost")]).is_some());
    }

    #[test]
    fn users_are_trusted_by_name_by_group_or_all() {
        let trusts = |names: &[&str]| {
            is_trusted(&names.iter().map(|&name| name.into()).collect::<Vec<_>>(), "ci\n", "ci docker\n")
        };
        assert!(trusts(&["root", "ci"]) && trusts(&["@docker"]) && trusts(&["*"]));
        assert!(!trusts(&["root"]) && !trusts(&["@wheel", "docker"]) && !trusts(&[]));
    }
}
