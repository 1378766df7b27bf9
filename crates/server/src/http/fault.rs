//! Faults that the operator should hear of. The caller gets a sentence, the log the causes.

use crate::service::{Kind, ServiceError};

/// Logs an error unless the caller alone is to blame for it.
pub(crate) fn report(error: &ServiceError) {
    let cause = std::error::Error::source(error).map(causes).unwrap_or_default();
    match error.kind() {
        Kind::Internal => tracing::error!(%error, cause, "a request failed"),
        Kind::Unavailable | Kind::OutOfSpace => tracing::warn!(%error, cause, "a request failed"),
        Kind::InvalidArgument
        | Kind::Unauthenticated
        | Kind::PermissionDenied
        | Kind::NotFound
        | Kind::AlreadyExists
        | Kind::FailedPrecondition
        | Kind::ResourceExhausted { .. }
        | Kind::BodyCut => tracing::debug!(%error, cause, "a request was refused"),
    }
}

/// An error and its causes in one line.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
