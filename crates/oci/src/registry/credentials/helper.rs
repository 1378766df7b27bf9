//! Helper programs (`docker-credential-NAME get`): the host goes in, JSON comes out.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use super::{Credential, CredentialError, Login};
use crate::registry::secret::Secret;

/// How long a helper may take; one may have to ask a server.
pub(super) const WAIT: Duration = Duration::from_secs(30);

/// Bytes of an answer at the most.
const MAX_ANSWER: u64 = 64 << 10;

/// How a helper says that it does not know a host.
const UNKNOWN: &[u8] = b"credentials not found in native keychain";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a helper; none where it knows nothing of the host.
pub(super) async fn get(
    name: &str,
    host: &str,
    search_path: Option<&OsStr>,
) -> Result<Option<Credential>, CredentialError> {
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return Err(CredentialError::HelperName(name.to_owned()));
    }
    let program = format!("docker-credential-{name}");
    let folders = std::env::split_paths(search_path.unwrap_or_default());
    let Some(file) = folders.map(|folder| folder.join(&program)).find(|file| file.is_file()) else {
        return Err(CredentialError::HelperMissing(program));
    };
    let mut command = Command::new(file);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let answered = timeout(WAIT, run(command, host)).await;
    let (success, said) = answered
        .map_err(|_| CredentialError::HelperStalled(program.clone()))?
        .map_err(|error| CredentialError::HelperRun(program.clone(), error))?;
    if !success {
        let unknown = said.trim_ascii().starts_with(UNKNOWN);
        return if unknown { Ok(None) } else { Err(CredentialError::HelperFailed(program, "it failed")) };
    }
    let answer: Answer = serde_json::from_slice(&said)
        .map_err(|_| CredentialError::HelperFailed(program, "its answer is not what helpers say"))?;
    let secret = Secret::new(answer.secret);
    Ok(Some(match answer.username.as_str() {
        "<token>" => Credential::Identity(secret),
        _ => Credential::Login(Login { user: answer.username, secret }),
    }))
}

async fn run(mut command: Command, host: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = command.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A helper may answer without reading.
        let _ = input.write_all(host.as_bytes()).await;
    }
    let mut said = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(MAX_ANSWER).read_to_end(&mut said).await?;
    }
    Ok((child.wait().await?.success(), said))
}
