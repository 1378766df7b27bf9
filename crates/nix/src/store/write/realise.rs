//! Registering realisations, in the form that the database has.

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::{StoreWriter, WriteError};
use crate::store::{Derivation, Realisation, RealisationId};

const FIND_OLD: &str = "select id from Realisations where drvPath = ?1 and outputName = ?2";
const INSERT_OLD: &str = "insert into Realisations (drvPath, outputName, outputPath, signatures)
    select ?1, ?2, id, ?4 from ValidPaths where path = ?3";
const NEED: &str = "insert into RealisationsRefs (referrer, realisationReference) values (?1, ?2)";
const FIND_NEW: &str = "select id from BuildTraceV3 where drvPath = ?1 and outputName = ?2";
const INSERT_NEW: &str = "insert into BuildTraceV3 (drvPath, outputName, outputPath, signatures)
    select ?1, ?2, path, ?4 from ValidPaths where path = ?3";

impl StoreWriter {
    /// Adds the realisations that the store lacks, all or none, and says how many those were. Left out are outputs whose
    /// path is not valid, forms that the database has no table for, and needs that are neither there nor among them. A
    /// realisation that is there stays as it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn register_realisations(&mut self, realisations: &[Realisation]) -> Result<usize, WriteError> {
        let (old, new) = (self.store.schema.realisations, self.store.schema.build_trace);
        let dir = self.store.place().dir().clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut added = Vec::new();
        for realisation in realisations {
            let insert = match realisation.id.derivation {
                Derivation::Modulo(_) if old => INSERT_OLD,
                Derivation::Path(_) if new => INSERT_NEW,
                _ => continue,
            };
            if find(&transaction, &realisation.id)?.is_some() {
                continue;
            }
            let signatures: Vec<_> = realisation.signatures.iter().map(ToString::to_string).collect();
            let (name, output) = (derivation(&realisation.id), &realisation.id.output);
            let row = params![name, output, dir.display(&realisation.path), signatures.join(" ")];
            if transaction.prepare_cached(insert)?.execute(row)? > 0 {
                added.push((transaction.last_insert_rowid(), realisation));
            }
        }
        for (row, realisation) in &added {
            let old = |need: &&RealisationId| matches!(need.derivation, Derivation::Modulo(_));
            // Only the old tables have a place for needs, and only for their own form.
            for need in realisation.needs.iter().filter(|need| old(&&realisation.id) && old(need)) {
                if let Some(needed) = find(&transaction, need)? {
                    transaction.prepare_cached(NEED)?.execute([*row, needed])?;
                }
            }
        }
        transaction.commit()?;
        Ok(added.len())
    }
}

fn find(transaction: &Transaction<'_>, id: &RealisationId) -> rusqlite::Result<Option<i64>> {
    let find = match id.derivation {
        Derivation::Modulo(_) => FIND_OLD,
        Derivation::Path(_) => FIND_NEW,
    };
    transaction.prepare_cached(find)?.query_row([&derivation(id), &id.output], |row| row.get(0)).optional()
}

/// How the tables name a derivation.
fn derivation(id: &RealisationId) -> String {
    match &id.derivation {
        Derivation::Modulo(hash) => hash.base16(),
        Derivation::Path(path) => path.to_string(),
    }
}
