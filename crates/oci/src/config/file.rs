//! The config of an image as a whole: a blob.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{History, ImageConfig, Timestamp};
use crate::descriptor::Platform;
use crate::digest::Digest;
use crate::json::fields::{Fields, nullable};
use crate::json::go;
use crate::json::limits::Limits;
use crate::json::read::{JsonError, read};

const LIMITS: Limits = Limits { bytes: ConfigFile::MOST_BYTES, objects: 50_000, values: 500_000 };

/// The config of an image as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// When the image was made.
    pub created: Option<Timestamp>,
    /// Who made it; empty for nobody in particular.
    pub author: String,
    /// What runs it.
    pub platform: Platform,
    /// How it is run.
    pub config: ImageConfig,
    /// The digests of the layers' tars, the lowest first.
    pub diff_ids: Vec<Digest>,
    /// Where the layers come from, the lowest first.
    pub history: Vec<History>,
}

/// Why bytes are not the config of an image, or why one cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not what it should be.
    #[error("the image's config cannot be read")]
    Json(#[from] JsonError),
    /// More layers than anything runs.
    #[error("the image's config names {0} layers and may name {most}", most = ConfigFile::MOST_LAYERS)]
    Layers(usize),
    /// It cannot be written.
    #[error("the image's config cannot be written")]
    Write(#[source] serde_json::Error),
}

impl ConfigFile {
    /// Bytes that a config may have to be read.
    pub const MOST_BYTES: usize = 4 << 20;
    /// Layers that an image may have.
    pub const MOST_LAYERS: usize = 1000;

    /// Reads an image's config, of OCI or of Docker. What is not known of it is lost: the bytes that another tool wrote are
    /// to be kept as they are.
    ///
    /// # Errors
    /// When it is too large or not what it should be, the digests of layers above all.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let raw: Fields<Raw> = read(bytes, &LIMITS)?;
        let raw = raw.known;
        let diff_ids = raw.rootfs.known.diff_ids;
        if diff_ids.len() > Self::MOST_LAYERS {
            return Err(ConfigError::Layers(diff_ids.len()));
        }
        Ok(Self {
            created: raw.created,
            author: raw.author,
            platform: Platform { architecture: raw.architecture, os: raw.os, variant: raw.variant },
            config: raw.config.known,
            diff_ids,
            history: raw.history.into_iter().map(|one| one.known).collect(),
        })
    }

    /// The blob.
    ///
    /// # Errors
    /// When it cannot be written, which does not happen.
    pub fn to_bytes(&self) -> Result<Bytes, ConfigError> {
        let written = Written {
            created: self.created.as_ref(),
            author: &self.author,
            platform: &self.platform,
            config: &self.config,
            rootfs: RootFs { kind: "layers", diff_ids: &self.diff_ids },
            history: &self.history,
        };
        go::to_vec(&written).map(Bytes::from).map_err(ConfigError::Write)
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "nullable")]
    author: String,
    #[serde(default, deserialize_with = "nullable")]
    architecture: String,
    #[serde(default, deserialize_with = "nullable")]
    os: String,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    config: Fields<ImageConfig>,
    rootfs: Fields<RawRootFs>,
    #[serde(default, deserialize_with = "nullable")]
    history: Vec<Fields<History>>,
}

#[derive(Deserialize)]
struct RawRootFs {
    #[serde(deserialize_with = "nullable")]
    diff_ids: Vec<Digest>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a Timestamp>,
    #[serde(skip_serializing_if = "str::is_empty")]
    author: &'a str,
    #[serde(flatten)]
    platform: &'a Platform,
    config: &'a ImageConfig,
    rootfs: RootFs<'a>,
    #[serde(skip_serializing_if = "<[History]>::is_empty")]
    history: &'a [History],
}

#[derive(Serialize)]
struct RootFs<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    diff_ids: &'a [Digest],
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::config::Healthcheck;

    /// What Go's `json.Marshal` writes of a `v1.Image`, by its struct's fields.
    const WRITTEN: &str = concat!(
        r#"{"created":"0001-01-01T00:00:00Z","architecture":"amd64","os":"linux","#,
        r#""config":{"User":"app","ExposedPorts":{"443/tcp":{},"80/tcp":{}},"Env":["A=\u003c1\u003e \u0026 2"],"#,
        r#""Entrypoint":["/bin/a"],"Cmd":["-v"],"Volumes":{"/data":{}},"WorkingDir":"/w","Labels":{"a":"1","b":"2"},"#,
        r#""StopSignal":"SIGINT"},"rootfs":{"type":"layers","#,
        r#""diff_ids":["sha256:cc45bd46eca903b0900ebb997dffd5778904dca9ec02e7375dd1e653dfb61e2e"]},"#,
        r#""history":[{"created_by":"nix2container"}]}"#,
    );

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn sample() -> ConfigFile {
        ConfigFile {
            created: Some("0001-01-01T00:00:00Z".parse().unwrap()),
            author: String::new(),
            platform: Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None },
            config: ImageConfig {
                user: "app".to_owned(),
                exposed_ports: BTreeSet::from(["80/tcp".to_owned(), "443/tcp".to_owned()]),
                env: words(&["A=<1> & 2"]),
                entrypoint: words(&["/bin/a"]),
                cmd: words(&["-v"]),
                volumes: BTreeSet::from(["/data".to_owned()]),
                working_dir: "/w".to_owned(),
                labels: BTreeMap::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]),
                stop_signal: "SIGINT".to_owned(),
                ..ImageConfig::default()
            },
            diff_ids: vec![
                "sha256:cc45bd46eca903b0900ebb997dffd5778904dca9ec02e7375dd1e653dfb61e2e".parse().unwrap(),
            ],
            history: vec![History { created_by: "nix2container".to_owned(), ..History::default() }],
        }
    }

    #[test]
    fn it_is_written_as_go_writes_it() {
        assert_eq!(std::str::from_utf8(&sample().to_bytes().unwrap()).unwrap(), WRITTEN);
        assert_eq!(ConfigFile::parse(WRITTEN.as_bytes()).unwrap(), sample());
    }

    #[test]
    fn a_health_check_comes_last() {
        let mut file = sample();
        file.config = ImageConfig {
            healthcheck: Some(Healthcheck { test: words(&["NONE"]), retries: 3, ..Healthcheck::default() }),
            stop_signal: "SIGINT".to_owned(),
            ..ImageConfig::default()
        };
        let written = String::from_utf8(file.to_bytes().unwrap().to_vec()).unwrap();
        let expected = r#""config":{"StopSignal":"SIGINT","Healthcheck":{"Test":["NONE"],"Retries":3}},"#;
        assert!(written.contains(expected), "{written}");
        assert_eq!(ConfigFile::parse(written.as_bytes()).unwrap(), file);
    }

    #[test]
    fn what_docker_writes_is_read() {
        let text = r#"{"architecture":"arm64","variant":"v8","config":{"Hostname":"","ExposedPorts":null,"Env":null,
            "Cmd":["sh"],"Image":"","Volumes":null,"OnBuild":null,"Labels":null},"container":"c","container_config":{"Cmd":[]},
            "created":"2024-05-01T10:11:12.5Z","docker_version":"20","history":[{"created":"2024-05-01T10:11:12.5Z",
            "created_by":"/bin/sh -c #(nop) ADD","empty_layer":true}],"os":"linux","rootfs":{"type":"layers","diff_ids":null}}"#;
        let file = ConfigFile::parse(text.as_bytes()).unwrap();
        assert_eq!(file.platform.variant.as_deref(), Some("v8"));
        assert_eq!(file.config, ImageConfig { cmd: words(&["sh"]), ..ImageConfig::default() });
        assert!(file.history[0].empty_layer);
        assert_eq!(file.diff_ids, []);
    }

    #[test]
    fn what_is_no_config_is_refused() {
        let digest = Digest::of(b"");
        let many = format!(
            r#"{{"rootfs":{{"diff_ids":[{}]}}}}"#,
            vec![format!("\"{digest}\""); ConfigFile::MOST_LAYERS + 1].join(",")
        );
        for text in ["", "[]", "{}", r#"{"rootfs":{}}"#, r#"{"rootfs":{"diff_ids":["sha512:00"]}}"#, &many] {
            assert!(ConfigFile::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    prop_compose! {
        fn configs()(
            strings in [".{0,8}", ".{0,8}", ".{0,8}"],
            sets in [btree_set(".{0,8}", 0..3), btree_set(".{0,8}", 0..3)],
            lists in [vec(".{0,8}", 0..3), vec(".{0,8}", 0..3), vec(".{0,8}", 0..3)],
            labels in btree_map(".{0,8}", ".{0,8}", 0..3),
            args_escaped: bool,
            healthcheck in proptest::option::of((vec(".{0,8}", 0..3), any::<i64>())),
        ) -> ImageConfig {
            let [user, working_dir, stop_signal] = strings;
            let [exposed_ports, volumes] = sets;
            let [env, entrypoint, cmd] = lists;
            let healthcheck = healthcheck.map(|(test, interval)| Healthcheck { test, interval, ..Healthcheck::default() });
            ImageConfig {
                user, exposed_ports, env, entrypoint, cmd, volumes, working_dir, labels, stop_signal, args_escaped, healthcheck,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(config in configs(), author in ".{0,8}") {
            let file = ConfigFile { author, config, ..sample() };
            prop_assert_eq!(ConfigFile::parse(&file.to_bytes().unwrap()).unwrap(), file);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
            drop(ConfigFile::parse(&bytes));
        }
    }
}
