//! What an answer that is no success means.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use snowbank_actions::client::{Attempt, ClientError};

/// Bytes of a server's words that are told on.
const MOST: usize = 1000;

pub(crate) fn broken(attempt: Attempt, error: reqwest::Error) -> ClientError {
    ClientError::Unreachable { attempt, source: Box::new(error.without_url()) }
}

pub(crate) async fn failure(attempt: Attempt, answer: Response) -> ClientError {
    let status = answer.status();
    let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let message = said(answer).await;
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            ClientError::Limited { attempt, retry_after: after.map(Duration::from_secs) }
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ClientError::Denied { attempt, status, message },
        StatusCode::NOT_FOUND => ClientError::Missing { attempt, message },
        _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            ClientError::Failed { attempt, status, message }
        }
        _ => ClientError::Rejected { attempt, status, message },
    }
}

/// The server's words, behind a colon.
async fn said(mut answer: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > 4 * MOST {
            break;
        }
    }
    let json: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let message = json.as_ref().and_then(|json| json.get("message")?.as_str());
    let text = message.map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned);
    let shown: String = text.trim().chars().filter(|c| !c.is_control()).take(MOST).collect();
    if shown.is_empty() { shown } else { format!(": {shown}") }
}
