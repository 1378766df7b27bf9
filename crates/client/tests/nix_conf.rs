//! Settings are read as Nix reads them.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::{fs, path::Path};

use snowbank_client::nix_conf::{NixConf, Sources};
use snowbank_testkit::{closure::succeed, tools};

/// The same settings as the `nix` program has them.
fn asked_of_nix(sources: &Sources) -> NixConf {
    tools::ensure("nix");
    let mut command = tools::command("nix");
    let user: Vec<_> = sources.user_files.iter().rev().map(|file| file.to_str().unwrap()).collect();
    command
        .args(["--extra-experimental-features", "nix-command", "show-config", "--json"])
        .env("NIX_CONF_DIR", &sources.conf_dir)
        .env("NIX_USER_CONF_FILES", user.join(":"))
        .env("NIX_CONFIG", sources.text.as_deref().unwrap_or_default());
    let all: serde_json::Value = serde_json::from_str(&succeed(&mut command)).unwrap();
    let list = |name: &str| {
        let words = all[name]["value"].as_array().unwrap().iter();
        words.map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    NixConf {
        substituters: list("substituters"),
        trusted_substituters: list("trusted-substituters"),
        trusted_public_keys: list("trusted-public-keys"),
        trusted_users: list("trusted-users"),
        netrc_file: all["netrc-file"]["value"].as_str().unwrap().into(),
        // Not a setting of old releases, and set by the machine for new ones.
        ssl_cert_file: None,
    }
}

/// Nix keeps these as a set.
fn sorted(mut conf: NixConf) -> NixConf {
    conf.trusted_substituters.sort();
    conf
}

fn sources(folder: &Path, files: &[(&str, &str)], text: Option<&str>) -> Sources {
    for (name, content) in files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let user_files = ["user-1", "user-2"].map(|name| folder.join(name)).to_vec();
    Sources { conf_dir: folder.to_owned(), user_files, text: text.map(str::to_owned) }
}

/// Files, and the text of `NIX_CONFIG`.
type Case = (&'static [(&'static str, &'static str)], Option<&'static str>);

#[test]
fn every_setting_is_what_nix_makes_of_it() {
    let cases: [Case; 8] = [
        (&[("nix.conf", "trusted-users = ci @wheel\nextra-trusted-users = *\n")], None),
        (&[], None),
        (&[("nix.conf", "substituters = https://a.example https://b.example # c\n")], None),
        (
            &[("nix.conf", "extra-substituters = https://a.example\nextra-trusted-public-keys = a-1:x\n")],
            None,
        ),
        (
            &[
                ("nix.conf", "include more/a.conf\n!include none\nnetrc-file = /x/netrc\n"),
                ("more/a.conf", "trusted-substituters = https://a.example\ninclude b.conf\n"),
                ("more/b.conf", "binary-caches = https://b.example\nbinary-cache-public-keys = b-1:y\n"),
            ],
            None,
        ),
        (
            &[
                ("nix.conf", "substituters = https://a.example\n"),
                ("user-1", "extra-substituters = https://b.example\n"),
                ("user-2", "trusted-public-keys = c-1:z\n"),
            ],
            Some("extra-substituters = https://c.example"),
        ),
        (&[("nix.conf", "substituters =\n"), ("user-1", "\tsubstituters\t=\thttps://a.example\r\n")], None),
        (
            &[
                ("user-1", "substituters = https://a.example\n"),
                ("user-2", "substituters = https://b.example\n"),
            ],
            None,
        ),
    ];
    for (files, text) in cases {
        let folder = tempfile::tempdir().unwrap();
        let sources = sources(folder.path(), files, text);
        assert_eq!(
            sorted(NixConf::read(&sources).unwrap()),
            sorted(asked_of_nix(&sources)),
            "{files:?} {text:?}"
        );
    }
}
