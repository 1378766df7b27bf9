//! What to do about a cache service that does not do what it is asked.

use std::error::Error;

use snowbank_actions::client::ClientError;
use snowbank_client::save::SaveError;
use snowbank_client::series::{FindError, PublishError};

use super::remote::Remote;
use crate::error::CliError;

/// With hints, where the service has failed or refused.
pub(crate) fn advised(failed: CliError, error: &(dyn Error + 'static), remote: &Remote) -> CliError {
    let Some(of_service) = of_service(error).filter(|_| !remote.is_local()) else { return failed };
    let doctor = match &remote.asked {
        Some(url) => format!("`snowbank doctor --remote {url}`"),
        None => "`snowbank doctor`".to_owned(),
    };
    match of_service {
        ClientError::Denied { .. } => failed.hint(format!(
            "the token is from {}: does it still hold, and was it made by this server? {doctor} tells",
            remote.token_from
        )),
        error if speaks_http(error) => {
            failed.hint(format!("is it http:// and not https:// there? {doctor} looks closer"))
        }
        error if error.is_outage() => {
            failed.hint(format!("is its server running, and the URL right? {doctor} looks closer"))
        }
        _ => failed,
    }
}

/// Whether the service was not there or not well.
pub(crate) fn is_outage(error: &(dyn Error + 'static)) -> bool {
    of_service(error).is_some_and(ClientError::is_outage)
}

/// The service's part in an error. Transparent ones are no causes of those around them, and so are looked into.
fn of_service<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a ClientError> {
    if let Some(error) = error.downcast_ref::<ClientError>() {
        return Some(error);
    }
    match (error.downcast_ref(), error.downcast_ref(), error.downcast_ref()) {
        (Some(FindError::Client(error)), ..)
        | (_, Some(SaveError::Client(error)), _)
        | (.., Some(PublishError::Client(error))) => Some(error),
        (.., Some(PublishError::Find(error))) => of_service(error),
        _ => of_service(error.source()?),
    }
}

/// Whether rustls got something else than TLS for an answer.
fn speaks_http(error: &ClientError) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.to_string().contains("InvalidContentType") {
            return true;
        }
        cause = error.source();
    }
    false
}
