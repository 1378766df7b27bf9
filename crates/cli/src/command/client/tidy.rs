//! After a save, where the job has a token for GitHub's REST API: what the save has superseded goes, and the job's page
//! says what the repository uses of its limit.

use std::time::Duration;

use snowbank_actions::client::ClientError;
use snowbank_client::save::Saved;
use snowbank_client::series::{Naming, Published};
use snowbank_client::text::chain;
use snowbank_client::tidy::{Kinds, Tidied, Tidy};

use super::remote::Remote;
use super::session::Session;
use super::table::Table;
use crate::command::github::Github;
use crate::command::{bytes, counted};

/// How long a job may be kept by it. What is left is for the next save.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does what can be done; whatever cannot is no failure.
pub(crate) async fn tidy(session: &Session, remote: &Remote, saved: &Saved, table: &mut Table) {
    let Some(github) = Github::at_hand().filter(|_| !remote.is_local()) else { return };
    if let (Some(Published::As { entry, size }), Naming::Generations) = (&saved.published, session.naming) {
        let tidy = Tidy {
            rest: &github.rest,
            repository: &github.repository,
            client: &remote.client,
            kinds: &Kinds::new(&[session.place.dir().clone()]),
            saved: entry,
            version: &session.versions.index,
            size: *size,
        };
        let mut tidied = Tidied::default();
        let what = "what was superseded was not deleted";
        match tokio::time::timeout(PATIENCE, tidy.run(&mut tidied)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => refused(session, what, &error),
            Err(_) => session.progress.say(format!("{what}: it took more than {} s", PATIENCE.as_secs())),
        }
        tell(session, &tidied);
    }
    match github.usage().await {
        Ok((usage, limit)) => table.repository(usage, limit),
        Err(error) => refused(session, "what the repository uses is not known", &error),
    }
}

/// A token that may not is what most jobs have.
fn refused(session: &Session, what: &str, error: &ClientError) {
    if matches!(error, ClientError::Denied { .. } | ClientError::Missing { .. }) {
        tracing::debug!(error = chain(error), "{what}");
    } else {
        session.progress.say(format!("{what}: {}", chain(error)));
    }
}

fn tell(session: &Session, tidied: &Tidied) {
    let Tidied { generations, packs } = tidied;
    let generations_gone = (generations.count > 0).then(|| counted(generations.count, "older generation"));
    let packs_gone =
        (packs.count > 0).then(|| format!("{} that no snapshot names", counted(packs.count, "pack")));
    let gone: Vec<_> = generations_gone.into_iter().chain(packs_gone).collect();
    if !gone.is_empty() {
        let size = bytes(generations.bytes + packs.bytes);
        session.progress.say(format!("freed {size}: {}", gone.join(", ")));
    }
}
