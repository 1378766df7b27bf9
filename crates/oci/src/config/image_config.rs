//! How an image is run.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Healthcheck;
use crate::json::fields::{Fields, nullable};

/// How an image is run: the `config` of an image's config. The fields are in the order of Go's `v1.ImageConfig`, which is
/// that of the bytes; what is empty is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageConfig {
    /// Whom it runs as: a name or number, and a group behind a colon.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "nullable")]
    pub user: String,
    /// Ports that it listens on: `80/tcp`.
    #[serde(
        skip_serializing_if = "BTreeSet::is_empty",
        serialize_with = "write_set",
        deserialize_with = "read_set"
    )]
    pub exposed_ports: BTreeSet<String>,
    /// Its environment: `NAME=value`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub env: Vec<String>,
    /// What is executed, before [`Self::cmd`].
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub entrypoint: Vec<String>,
    /// The arguments, unless others are given.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub cmd: Vec<String>,
    /// Folders that hold data that outlives a container.
    #[serde(
        skip_serializing_if = "BTreeSet::is_empty",
        serialize_with = "write_set",
        deserialize_with = "read_set"
    )]
    pub volumes: BTreeSet<String>,
    /// The folder in which it begins.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "nullable")]
    pub working_dir: String,
    /// What else is said of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    /// The signal that ends it: `SIGTERM`.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "nullable")]
    pub stop_signal: String,
    /// Whether the arguments are escaped already; a matter of Windows, and deprecated.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "nullable")]
    pub args_escaped: bool,
    /// How it is checked.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "read_healthcheck")]
    pub healthcheck: Option<Healthcheck>,
}

/// Go has sets as objects whose values are empty objects.
fn write_set<S: Serializer>(set: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Empty {}
    serializer.collect_map(set.iter().map(|name| (name, Empty {})))
}

fn read_set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    let map = Option::<BTreeMap<String, IgnoredAny>>::deserialize(deserializer)?;
    Ok(map.unwrap_or_default().into_keys().collect())
}

fn read_healthcheck<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Healthcheck>, D::Error> {
    Ok(Option::<Fields<Healthcheck>>::deserialize(deserializer)?.map(|fields| fields.known))
}
