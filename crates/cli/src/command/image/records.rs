//! What is known of layers, in a cache. It only saves work: whatever is wrong with it is a warning.

use std::collections::HashMap;
use std::sync::Arc;

use snowbank_client::image::records::{CacheRecords, Records, SeriesRecords};
use snowbank_client::nix_conf::NixConf;
use snowbank_oci::record::{LayerKey, LayerRecord};

use super::destination::Opened;
use super::source::Supply;
use crate::args::image as args;
use crate::command::client::{Progress, Remote, nix_conf, site};
use crate::error::{CliError, Result};

/// Where records are kept; nowhere, maybe.
pub(super) struct Kept(Option<Box<dyn Records>>);

impl Kept {
    /// Where the arguments say, or where the paths come from.
    ///
    /// # Errors
    /// When an argument is not valid.
    pub(super) fn open(
        args: &args::From,
        supply: &Supply,
        remote: Option<&Remote>,
        to: &Opened,
    ) -> Result<Self> {
        if args.no_records {
            return Ok(Self(None));
        }
        if let Some(url) = &args.records {
            let conf: NixConf = nix_conf()?;
            let (site, _) = site(url, "--records", args.trust.token_file.as_deref(), &conf)?;
            return Ok(Self(Some(Box::new(CacheRecords { site }))));
        }
        Ok(Self(match (supply, remote) {
            (Supply::Cache(access), _) => Some(Box::new(CacheRecords { site: access.site.clone() })),
            (_, Some(remote)) => {
                let name = to.destination.name();
                let records = SeriesRecords::new(remote.client.clone(), &name);
                Some(Box::new(records.map_err(|error| {
                    CliError::failed(format!("layers of {name} cannot be recorded")).because(error)
                })?))
            }
            _ => None,
        }))
    }

    /// What is known of these layers.
    pub(super) async fn known(
        &self,
        keys: &[LayerKey],
        progress: &Arc<Progress>,
    ) -> HashMap<LayerKey, LayerRecord> {
        let Some(records) = self.0.as_ref().filter(|_| !keys.is_empty()) else { return HashMap::new() };
        records.known(keys).await.unwrap_or_else(|error| {
            warn(progress, "what is known of layers could not be asked", &error);
            HashMap::new()
        })
    }

    /// Keeps what is new.
    pub(super) async fn add(&self, news: &[(LayerKey, LayerRecord)], progress: &Arc<Progress>) {
        let Some(records) = self.0.as_ref().filter(|_| !news.is_empty()) else { return };
        if let Err(error) = records.add(news).await {
            warn(progress, "what is new of layers could not be kept; the registry tells it, too", &error);
        }
    }
}

fn warn(progress: &Progress, what: &str, error: &(dyn std::error::Error + 'static)) {
    progress.warn(&format!("{what}: {}", snowbank_client::text::chain(error)));
}
