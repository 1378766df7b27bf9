//! Whether the Nix of this machine can use a binary cache and take what is restored.

use super::text::bytes;
use super::{Finding, Level};
use crate::nix_conf::NixConf;

/// Bytes that should be free: `restore` keeps as many unless told otherwise.
const ROOM: u64 = 5_000_000_000;

/// A cache, and what is known of it and of this machine.
#[derive(Clone, Debug)]
pub struct Use<'a> {
    /// The cache's URL, without a slash at its end.
    pub cache: &'a str,
    /// The keys that it signs with.
    pub keys: &'a [String],
    /// Whether pulling needs no token.
    pub public: bool,
    /// Whether Nix's netrc has a login for its host.
    pub login: bool,
    /// Why the daemon passes this user's settings over; none where it heeds them.
    pub untrusted: Option<&'a str>,
}

/// Whether Nix's settings have the cache. `machine` are those of the whole machine, which hold whoever asks.
#[must_use]
pub fn settings(conf: &NixConf, machine: &NixConf, wanted: &Use<'_>) -> Vec<Finding> {
    let Use { cache, keys, public, login, untrusted } = *wanted;
    let named = |list: &[String]| {
        list.iter().any(|url| url.split('?').next().unwrap_or_default().trim_end_matches('/') == cache)
    };
    let has = |list: &[String]| keys.iter().all(|key| list.contains(key));
    let cure = format!("`snowbank use {cache}` writes it, for root for the whole machine");
    let mut found = Vec::new();
    let mut problem = |id, title: &str, seen: String, hints: &[&str]| {
        let one = Finding::new(Level::Problem, id, title, seen);
        found.push(hints.iter().fold(one, |one, hint| one.hint(*hint)));
    };
    if !named(&conf.substituters) {
        problem(
            "nix-substituter",
            "Nix does not ask the cache",
            format!("`substituters` do not name {cache}"),
            &[
                cure.as_str(),
                "a later `substituters =` in a user's nix.conf or in NIX_CONFIG takes it away again: let it say `extra-substituters`",
            ],
        );
    }
    if !has(&conf.trusted_public_keys) {
        let missing: Vec<_> =
            keys.iter().filter(|key| !conf.trusted_public_keys.contains(key)).cloned().collect();
        problem(
            "nix-keys",
            "Nix does not believe the cache",
            format!("`trusted-public-keys` lack {}", missing.join(" ")),
            &[cure.as_str()],
        );
    }
    if let Some(why) = untrusted
        && !((named(&machine.substituters) || named(&machine.trusted_substituters))
            && has(&machine.trusted_public_keys))
    {
        problem(
            "nix-untrusted",
            "Nix passes this user's settings over",
            why.to_owned(),
            &[
                &format!("`sudo snowbank use {cache}` sets up the whole machine"),
                "or have an administrator add this user to `trusted-users` in the machine's nix.conf",
            ],
        );
    }
    if !public && !login {
        problem(
            "nix-login",
            "Nix has no login for the cache",
            format!("the cache is private, and {} has nothing for its host", conf.netrc_file.display()),
            &[&format!(
                "`SNOWBANK_TOKEN=... snowbank use {cache}` writes it; `snowbank token create --cache NAME:pull` makes the token"
            )],
        );
    }
    if found.is_empty() {
        found.push(Finding::new(Level::Ok, "nix-settings", "Nix asks the cache and believes it", cache));
    }
    found
}

/// Paths that Nix remembers the cache not to have, which it has now: `names` are the first parts of their names.
#[must_use]
pub fn remembered(cache: &str, file: &std::path::Path, names: &[String]) -> Finding {
    let seen = match names {
        [] => format!("nothing that {cache} has counts as missing in {}", file.display()),
        names => format!(
            "{cache} has {} now, and {} still says no, for an hour after it was asked",
            names.join(", "),
            file.display()
        ),
    };
    if names.is_empty() {
        return Finding::new(Level::Ok, "nix-memory", "Nix remembers nothing wrong of the cache", seen);
    }
    Finding::new(Level::Problem, "nix-negative", "Nix remembers that the cache lacks what it has now", seen)
        .hint("`nix ... --option narinfo-cache-negative-ttl 0` asks anew, and so does `rm ~/.cache/nix/binary-cache-v*.sqlite*`")
        .hint("push before others ask, or let them set `narinfo-cache-negative-ttl = 0`")
}

/// Nix itself: `version` is what it prints.
#[must_use]
pub fn program(version: Option<&str>) -> Finding {
    match version {
        Some(version) => Finding::new(Level::Ok, "nix", "Nix is there", version),
        None => Finding::new(
            Level::Problem,
            "nix-missing",
            "there is no Nix",
            "no `nix` is in PATH or in /nix/var/nix/profiles/default/bin",
        )
        .hint("install it in a step before: the store is restored into the Nix that is there"),
    }
}

/// That there is no store: `database` is the file that each has.
#[must_use]
pub fn no_store(database: &std::path::Path) -> Finding {
    let seen = format!("there is no {}, and so nothing to save from or restore into", database.display());
    Finding::new(Level::Problem, "store-missing", "there is no Nix store", seen)
        .hint("install Nix in a step before, or name the store that is meant with --store ROOT")
        .hint("`nix-store --store ROOT --verify` makes an empty one in a folder")
}

/// The store: bytes that are free on its disk, and who may write to it (none where nobody may).
#[must_use]
pub fn store(place: &std::path::Path, free: u64, writer: Option<&str>) -> Vec<Finding> {
    let at = place.display();
    let mut found = Vec::new();
    if free < ROOM {
        found.push(
            Finding::new(
                Level::Warning,
                "store-full",
                "there is little room for the store",
                format!("{} are free at {at}, and `restore` leaves {}", bytes(free), bytes(ROOM)),
            )
            .hint("`nix-collect-garbage`, a larger disk, or `restore --min-free` with less"),
        );
    }
    found.push(match writer {
        Some(writer) => Finding::new(Level::Ok, "store", "the store can be written to", format!("{at}, by {writer}; {} are free", bytes(free))),
        None => Finding::new(Level::Problem, "store-read-only", "nobody here may write to the store", format!("{at} is not this user's, and no Nix daemon listens"))
            .hint("run it as the store's owner (`sudo -E`), let this user run it by `sudo -n`, or start the Nix daemon"),
    });
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::nix_conf::Sources;

    fn conf(text: &str) -> NixConf {
        NixConf::read(&Sources { text: Some(text.into()), ..Sources::default() }).unwrap()
    }

    fn found(own: &str, machine: &str, wanted: &Use<'_>) -> Vec<&'static str> {
        settings(&conf(own), &conf(machine), wanted).iter().map(|found| found.id).collect()
    }

    const CACHE: &str = "https://h/nix/team";

    #[test]
    fn a_user_whom_the_daemon_does_not_heed_needs_the_machine_s_settings() {
        let keys = ["team-1:k".to_owned()];
        let wanted =
            Use { cache: CACHE, keys: &keys, public: true, login: false, untrusted: Some("no trust") };
        let own = "extra-substituters = https://h/nix/team/\nextra-trusted-public-keys = team-1:k";
        let allowed = "trusted-substituters = https://h/nix/team?priority=3\ntrusted-public-keys = team-1:k";
        assert_eq!(found(own, "", &wanted), ["nix-untrusted"]);
        assert_eq!(found(own, allowed, &wanted), ["nix-settings"]);
        let private = Use { public: false, untrusted: None, ..wanted };
        assert_eq!(found("", "", &private), ["nix-substituter", "nix-keys", "nix-login"]);
        assert_eq!(found(own, "", &Use { login: true, ..private }), ["nix-settings"]);
    }

    #[test]
    fn a_store_that_is_not_there_is_a_problem_with_a_cure() {
        let found = no_store(Path::new("/nix/var/nix/db/db.sqlite"));
        assert_eq!((found.id, found.level), ("store-missing", Level::Problem));
        assert!(found.seen.contains("/nix/var/nix/db/db.sqlite") && found.hints.len() == 2, "{found:?}");
    }

    #[test]
    fn a_full_disk_and_a_store_of_somebody_else_are_told() {
        let ids = |free, writer| {
            store(Path::new("/nix/store"), free, writer).iter().map(|found| found.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(ROOM, Some("this process")), ["store"]);
        assert_eq!(ids(ROOM - 1, None), ["store-full", "store-read-only"]);
    }
}
