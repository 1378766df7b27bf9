//! Which path a content-addressed derivation's output came to: an experimental feature of Nix, in one form up to 2.34
//! and in another from 2.35 on.

use std::collections::{BTreeMap, BTreeSet};

use super::{LocalStore, StoreError, query::parsed};
use crate::{hash::Digest, signature::Signature, store_path::StorePath};

const OLD: &str = "select r.id, drvPath, outputName, path, signatures
    from Realisations r join ValidPaths v on v.id = outputPath";
const OLD_REFERENCES: &str = "select referrer, drvPath, outputName
    from RealisationsRefs join Realisations r on r.id = realisationReference";
const NEW: &str = "select drvPath, outputName, outputPath, signatures from BuildTraceV3";

/// What names a derivation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Derivation {
    /// Its hash with all names of outputs left out, up to Nix 2.34.
    Modulo(Digest),
    /// Its path, from Nix 2.35 on.
    Path(StorePath),
}

/// An output of a derivation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RealisationId {
    /// The derivation.
    pub derivation: Derivation,
    /// The output's name, `out` most of the time.
    pub output: String,
}

/// What an output came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realisation {
    /// The output.
    pub id: RealisationId,
    /// Its path.
    pub path: StorePath,
    /// Signatures over all this, in the form of the Nix that made them.
    pub signatures: BTreeSet<Signature>,
    /// The realisations that were needed for it; from Nix 2.35 on nobody writes them down.
    pub needs: BTreeSet<RealisationId>,
}

impl LocalStore {
    /// All realisations of both forms.
    ///
    /// # Errors
    /// When the database cannot be read, or what it says cannot.
    pub fn realisations(&self) -> Result<Vec<Realisation>, StoreError> {
        let mut realisations = Vec::new();
        if self.schema.realisations {
            realisations.extend(self.old_realisations()?);
        }
        if self.schema.build_trace {
            realisations.extend(self.build_trace()?);
        }
        Ok(realisations)
    }

    fn old_realisations(&self) -> Result<Vec<Realisation>, StoreError> {
        let mut needs: BTreeMap<i64, BTreeSet<RealisationId>> = BTreeMap::new();
        let references =
            self.rows(OLD_REFERENCES, [], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)))?;
        for (referrer, derivation, output) in references {
            needs.entry(referrer).or_default().insert(old_id(&derivation, output)?);
        }
        let rows = self
            .rows(OLD, [], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))))?;
        let realisation = |(id, (derivation, output, path, signatures)): (i64, Texts)| {
            Ok(Realisation {
                id: old_id(&derivation, output)?,
                path: self.path(&path)?,
                signatures: Signature::from_words(&signatures.unwrap_or_default()).collect(),
                needs: needs.remove(&id).unwrap_or_default(),
            })
        };
        rows.into_iter().map(realisation).collect()
    }

    fn build_trace(&self) -> Result<Vec<Realisation>, StoreError> {
        let rows = self.rows(NEW, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let realisation = |(derivation, output, path, signatures): Texts| {
            let derivation = parsed("derivation", &derivation, |text| text.parse().ok())?;
            Ok(Realisation {
                id: RealisationId { derivation: Derivation::Path(derivation), output },
                path: self.path(&path)?,
                signatures: Signature::from_words(&signatures.unwrap_or_default()).collect(),
                needs: BTreeSet::new(),
            })
        };
        rows.into_iter().map(realisation).collect()
    }
}

/// Derivation, output, path, signatures.
type Texts = (String, String, String, Option<String>);

fn old_id(derivation: &str, output: String) -> Result<RealisationId, StoreError> {
    let hash = parsed("derivation's hash", derivation, |text| Digest::parse(text).ok())?;
    Ok(RealisationId { derivation: Derivation::Modulo(hash), output })
}
