//! Deleting several entries of a repository, and looking at them before.

use snowbank_catalog::ids::EntryId;
use snowbank_catalog::rooms::{Entry, Why};

use crate::service::{Kind, Result, Service, ServiceError, Visitor};

/// Entries that are deleted at once, at the most.
const MOST: usize = 2000;

impl Service {
    /// Those of these entries that the repository has, the visitor sees, and may delete.
    ///
    /// # Errors
    /// When they are more than 2000, or one of them may be seen and not deleted.
    pub async fn deletable(&self, visitor: &Visitor, ids: &[EntryId]) -> Result<Vec<Entry>> {
        if ids.len() > MOST {
            let message = format!("{} entries are more than can be deleted at once: {MOST}", ids.len());
            return Err(ServiceError::new(Kind::InvalidArgument, message));
        }
        let Some(repository) = visitor.repository() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for id in ids {
            let entry = self.0.catalog.entry(*id).await?;
            let own = |entry: &Entry| entry.repo == repository.id && visitor.sees(&entry.slot.scope);
            let Some(entry) = entry.filter(own) else { continue };
            if !visitor.deletes(&entry.slot.scope) {
                let message = format!("this token may not delete caches of the ref {}", entry.slot.scope);
                return Err(ServiceError::new(Kind::PermissionDenied, message));
            }
            found.push(entry);
        }
        Ok(found)
    }

    /// Deletes entries of the repository: those that are [`Self::deletable`]. Returns how many there were.
    pub async fn delete_repository_caches(&self, visitor: &Visitor, ids: &[EntryId]) -> Result<u64> {
        let found: Vec<EntryId> = self.deletable(visitor, ids).await?.iter().map(|entry| entry.id).collect();
        Ok(self.0.catalog.delete(&found, Why::Deleted { by: visitor.subject() }).await?)
    }
}
