//! What can go wrong in a catalog.

/// The result of a catalog method.
pub type Result<T> = std::result::Result<T, CatalogError>;

/// A fault of the database itself. What a caller can act on (a conflict, a lost lease) is in the methods'
/// own answers, not here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The database could not be opened.
    #[error("could not open the catalog at {place}")]
    Open {
        /// Where, without a password.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The database was made by a newer version of this program.
    #[error("the catalog has schema {found}, and this program knows none newer than {known}")]
    Newer {
        /// The schema that was found.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// A statement failed.
    #[error("the catalog could not {what}")]
    Statement {
        /// What was attempted, as an infinitive.
        what: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A row holds what this program never writes.
    #[error("the catalog holds a damaged {what}")]
    Damaged {
        /// Which kind of row.
        what: &'static str,
    },
}
