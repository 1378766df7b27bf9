//! What the dashboard shows, without a word of how.

mod fates;
mod fold;
mod going;
mod overview;
mod past;
mod remembered;
mod removal;
mod shelf;

use snowbank_catalog::ids::Timestamp;

use super::{Identity, Result, Service};

pub use fates::{Fates, LineFate};
pub use fold::{Line, NamedPack, Order, Series};
pub use going::{Going, GoingEntry, GoingFor};
pub use overview::{CacheLine, Disk, Overview, OverviewQuery, RepositoryLine};
pub use past::{Answers, ByDay, Past};
pub(super) use remembered::Sums;
pub use shelf::{Shelf, ShelfQuery};

impl Service {
    /// Who a token of this server's own belongs to: those that others sign are for jobs, and no way to sign in.
    ///
    /// # Errors
    /// When it is none, has ended, or was revoked.
    pub async fn sign_in(&self, token: &str) -> Result<Identity> {
        self.0.authenticator.identify_own(token).await
    }

    /// What sessions of the dashboard are sealed with, the same in all processes that share the catalog.
    pub(crate) fn session_secret(&self) -> &[u8; 32] {
        &self.0.session_secret
    }

    /// The time by the catalog's clock.
    pub async fn now(&self) -> Result<Timestamp> {
        Ok(self.0.catalog.now().await?)
    }
}
