//! Which path a content-addressed derivation's output came to: a JSON text up to Nix 2.34, strings from 2.35 on.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    Daemon, DaemonError, MAX_TEXT, Stream, error,
    request::{Operation, Request},
};
use crate::{
    hash::Digest,
    nar_info::{MAX_REFERENCES, MAX_SIGNATURES},
    store::{Derivation, Realisation, RealisationId},
    store_path::StorePath,
};

/// The feature with which derivations are named by their paths.
pub(super) const BY_PATH: &str = "realisation-with-path-not-hash";

impl<S: Stream> Daemon<S> {
    /// Whether derivations are named by their paths ([`Derivation::Path`]); by a hash ([`Derivation::Modulo`]) if not.
    #[must_use]
    pub fn names_derivations_by_path(&self) -> bool {
        self.features.contains(BY_PATH)
    }

    /// What `id` came to, if the daemon's store knows.
    ///
    /// # Errors
    /// When the daemon names derivations otherwise, does not have the experimental feature `ca-derivations`, or what it
    /// says cannot be read.
    pub fn realisation(&mut self, id: &RealisationId) -> Result<Option<Realisation>, DaemonError> {
        let request = self.with_id(Request::of(Operation::QueryRealisation), id)?;
        if self.names_derivations_by_path() {
            return self.ask(&request, |wire, dir| {
                if !wire.truth()? {
                    return Ok(None);
                }
                let path = wire.path(dir)?;
                let signatures = wire.signatures()?;
                Ok(Some(Realisation { id: id.clone(), path, signatures, needs: BTreeSet::new() }))
            });
        }
        self.ask(&request, |wire, _| {
            let texts: Vec<_> =
                wire.items("realisations", 1, |wire| wire.bytes("a realisation", MAX_TEXT))?;
            texts.first().map(|text| from_json(text, id)).transpose()
        })
    }

    /// Registers what an output came to; its path must be valid. Those that were needed are left out where the daemon
    /// does not know them; Nix 2.26 still keeps them, 2.34 does not.
    ///
    /// # Errors
    /// When the daemon names derivations otherwise, does not have the experimental feature `ca-derivations`, or refuses.
    pub fn register_realisation(&mut self, realisation: &Realisation) -> Result<(), DaemonError> {
        let request = Request::of(Operation::RegisterDrvOutput);
        let request = if self.names_derivations_by_path() {
            self.with_id(request, &realisation.id)?
                .path(&self.dir, &realisation.path)
                .signatures(&realisation.signatures)
        } else {
            let id = self.modulo(&realisation.id)?;
            let mut needs = Vec::new();
            for need in &realisation.needs {
                if let Some(needed) = self.realisation(need)? {
                    needs.push((self.modulo(need)?, needed.path));
                }
            }
            request.string(to_json(&id, realisation, needs))
        };
        self.ask(&request, |_, _| Ok(()))
    }

    fn with_id(&self, request: Request, id: &RealisationId) -> Result<Request, DaemonError> {
        match &id.derivation {
            Derivation::Path(path) if self.names_derivations_by_path() => {
                Ok(request.path(&self.dir, path).string(&id.output))
            }
            _ => Ok(request.string(self.modulo(id)?)),
        }
    }

    fn modulo(&self, id: &RealisationId) -> Result<String, DaemonError> {
        match &id.derivation {
            Derivation::Modulo(hash) if !self.names_derivations_by_path() => Ok(name(hash, &id.output)),
            _ => {
                Err(DaemonError::Unsupported { what: "name a derivation in this way", version: self.version })
            }
        }
    }
}

fn name(derivation: &Digest, output: &str) -> String {
    format!("{}!{output}", derivation.base16())
}

fn to_json(id: &str, realisation: &Realisation, needs: Vec<(String, StorePath)>) -> String {
    let text = |text: &dyn std::fmt::Display| Value::String(text.to_string());
    let needs: Map<_, _> = needs.into_iter().map(|(id, path)| (id, text(&path))).collect();
    Value::Object(Map::from_iter([
        ("id".to_owned(), text(&id)),
        ("outPath".to_owned(), text(&realisation.path)),
        ("signatures".to_owned(), realisation.signatures.iter().map(|signature| text(signature)).collect()),
        ("dependentRealisations".to_owned(), Value::Object(needs)),
    ]))
    .to_string()
}

fn from_json(bytes: &[u8], id: &RealisationId) -> Result<Realisation, DaemonError> {
    let wrong = || error::value("a realisation", bytes);
    let value: Value = serde_json::from_slice(bytes).map_err(|_| wrong())?;
    let path = value["outPath"].as_str().and_then(|path| path.parse().ok()).ok_or_else(wrong)?;
    let signatures = value["signatures"].as_array().map(Vec::as_slice).unwrap_or_default();
    let needs = value["dependentRealisations"].as_object();
    if signatures.len() > MAX_SIGNATURES || needs.is_some_and(|needs| needs.len() > MAX_REFERENCES) {
        return Err(wrong());
    }
    let signatures = signatures.iter().filter_map(|word| word.as_str()?.parse().ok()).collect();
    let needs = needs.into_iter().flatten().map(|(name, _)| parse_name(name).ok_or_else(wrong));
    Ok(Realisation { id: id.clone(), path, signatures, needs: needs.collect::<Result<_, _>>()? })
}

fn parse_name(name: &str) -> Option<RealisationId> {
    let (hash, output) = name.split_once('!')?;
    let derivation = Derivation::Modulo(Digest::parse(hash).ok()?);
    Some(RealisationId { derivation, output: output.to_owned() })
}
