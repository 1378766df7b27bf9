//! What a use case can answer besides success. Each protocol maps [`Kind`] to its own codes in one place.

use std::time::Duration;

use snowbank_catalog::CatalogError;

/// The result of a use case.
pub type Result<T> = std::result::Result<T, ServiceError>;

/// What sort of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be meant so.
    InvalidArgument,
    /// No valid token or signature.
    Unauthenticated,
    /// A valid token that does not allow this.
    PermissionDenied,
    /// What is named does not exist (any more).
    NotFound,
    /// The slot is taken.
    AlreadyExists,
    /// It cannot be done in this state.
    FailedPrecondition,
    /// Too much at once; worth another try after this long.
    ResourceExhausted {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The disk is full.
    OutOfSpace,
    /// The caller's body broke off or stalled.
    BodyCut,
    /// A part that this service needs does not answer.
    Unavailable,
    /// A fault of this program.
    Internal,
}

/// A failed use case: a sort, a sentence for the caller, and the cause for the log.
#[derive(Debug)]
pub struct ServiceError {
    kind: Kind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ServiceError {
    /// A failure that needs no cause.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// A failure with the cause that the log shall show and the caller shall not.
    pub fn caused(
        kind: Kind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ServiceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<CatalogError> for ServiceError {
    fn from(error: CatalogError) -> Self {
        Self::caused(Kind::Unavailable, "the catalog did not answer as it should", error)
    }
}
