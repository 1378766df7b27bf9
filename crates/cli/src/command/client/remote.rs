//! Which cache service a client command talks to, and how it gets in.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use snowbank_actions::client::{CacheClient, Options, Patience, Token};
use snowbank_actions::scope::{Grant, Scopes};
use snowbank_server::service::{Rights, Service};

use super::progress::Progress;
use crate::args::State;
use crate::args::client::Service as Arguments;
use crate::command::github::variable;
use crate::command::in_process::InProcess;
use crate::config;
use crate::error::{CliError, Result};
use crate::open::{Opened, Role, is_new, open};

/// How long the token is valid that a command mints for itself.
const VALID: Duration = Duration::from_secs(24 * 3600);

/// Names the file of what the action has handed on.
const HANDED: &str = "SNOWBANK_SERVICE";

/// Bytes of that file at most.
const MAX_HANDED: u64 = 64 << 10;

/// The repository and ref of what is kept in a folder.
const REPOSITORY: &str = "local/local";
const SCOPE: &str = "refs/heads/main:rw";

/// A service that can be asked.
pub(crate) struct Remote {
    /// The client.
    pub client: CacheClient,
    /// What it is called in messages: no secret is in it.
    pub name: String,
    /// What was asked for by an argument.
    pub asked: Option<String>,
    /// What gave the token: a variable.
    pub token_from: &'static str,
    /// Whose cache it is, in the token's own words; nobody has checked them.
    pub repository: Option<String>,
    local: Option<Local>,
}

/// The service in this process, over a folder.
struct Local {
    serving: InProcess,
    opened: Opened,
}

/// Where the service is, before anything was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A server, and the token for it.
    Url { url: String, token: String },
    /// A folder with the state of a server.
    Folder(PathBuf),
}

impl Remote {
    /// Finds the service that the arguments or the job's environment name.
    ///
    /// # Errors
    /// When none is named, or a folder's state cannot be opened.
    pub(crate) async fn open(arguments: &Arguments) -> Result<Self> {
        let asked = arguments.remote.clone();
        match place(arguments, variable, handed)? {
            Place::Url { url, token } => {
                let (name, repository) = (url.clone(), Token::new(token.as_str()).says().repository);
                let token_from = token_from(asked.is_some(), variable);
                Ok(Self { client: client(url, token)?, name, asked, token_from, repository, local: None })
            }
            Place::Folder(folder) => Ok(Self { asked, ..Self::in_process(folder).await? }),
        }
    }

    /// The same; none where no service is named and the environment tells of none.
    ///
    /// # Errors
    /// When one is named that cannot be asked, or a folder's state cannot be opened.
    pub(crate) async fn open_if_known(arguments: &Arguments) -> Result<Option<Self>> {
        match known(arguments, variable, handed)? {
            Some(_) => Self::open(arguments).await.map(Some),
            None => Ok(None),
        }
    }

    /// The client of the service that is named, else of the job's; none where there is none.
    ///
    /// # Errors
    /// When a service is named that cannot be asked, or the job's is not told as it should be.
    pub(crate) fn of_job(remote: Option<&str>) -> Result<Option<CacheClient>> {
        let arguments = Arguments { remote: remote.map(str::to_owned), strict: false };
        match known(&arguments, variable, handed)? {
            Some(Place::Url { url, token }) => client(url, token).map(Some),
            Some(Place::Folder(folder)) => {
                Err(CliError::usage(format!("the remote {} is a folder and no server", folder.display())))
            }
            None => Ok(None),
        }
    }

    /// The client of a server's cache service that reads in these scopes of a repository, by a token of the server's own.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub(crate) fn reader(
        url: &str,
        service: &Service,
        repository: &str,
        scopes: Scopes,
    ) -> Result<CacheClient> {
        let rights = Rights::Job { repository: repository.to_owned(), scopes };
        client(url.to_owned(), service.mint(&rights, VALID)?)
    }

    /// The server that is named, else the job's, and a token for it; none where there is none, and where it is GitHub's
    /// own service, which knows nothing but the cache's protocol.
    pub(crate) fn server(remote: Option<&str>) -> Option<(String, String)> {
        let arguments = Arguments { remote: remote.map(str::to_owned), strict: false };
        match known(&arguments, variable, handed).ok()?? {
            Place::Url { url, token } if !is_githubs(&url) => Some((url, token)),
            _ => None,
        }
    }

    /// Where the service is that is named, else the job's; none where there is none. Nothing is asked.
    ///
    /// # Errors
    /// When a service is named that cannot be asked, or the job's is not told as it should be.
    pub(crate) fn place(remote: Option<&str>) -> Result<Option<Place>> {
        let arguments = Arguments { remote: remote.map(str::to_owned), strict: false };
        known(&arguments, variable, handed)
    }

    async fn in_process(folder: PathBuf) -> Result<Self> {
        let name = folder.display().to_string();
        let settings = config::read(&state_in(&folder), Vec::new())?.settings;
        let opened = open(settings, Role::Guest).await?;
        let grant: Grant = SCOPE.parse().map_err(|error| CliError::failed("no scope").because(error))?;
        let rights = Rights::Job { repository: REPOSITORY.to_owned(), scopes: Scopes::from_grants(&[grant]) };
        let token = opened.service.mint(&rights, VALID)?;
        let serving = InProcess::begin(&opened.service).await?;
        let client = client(serving.url.clone(), token)?;
        let local = Some(Local { serving, opened });
        Ok(Self { client, name, asked: None, token_from: "", repository: None, local })
    }

    /// Says whose cache is asked, where that is known.
    pub(crate) fn introduce(&self, progress: &Progress) {
        if let Some(repository) = &self.repository {
            progress.say(format!("the cache of {} at {}", repository.escape_debug(), self.name));
        }
    }

    /// Whether it is a folder's, in this process.
    pub(crate) fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// The folder that is named, where nothing was ever kept in it: who only reads need not make it.
    ///
    /// # Errors
    /// When none is named, or a folder's settings cannot be read.
    pub(crate) fn unmade(arguments: &Arguments) -> Result<Option<PathBuf>> {
        let Place::Folder(folder) = place(arguments, variable, handed)? else { return Ok(None) };
        let settings = config::read(&state_in(&folder), Vec::new())?.settings;
        Ok(is_new(&settings).then_some(folder))
    }

    /// Ends the service if it is in this process; enforces the limits of its folder first.
    pub(crate) async fn close(self) {
        let Some(Local { serving, opened }) = self.local else { return };
        serving.end().await;
        // No other process looks after a folder. One that is in use by others is left to the first of them.
        if opened.lock.is_some() {
            let upkeep = async {
                opened.service.evict().await?;
                opened.service.collect().await
            };
            if let Err(error) = upkeep.await {
                tracing::warn!(%error, "the limits of the folder could not be enforced");
            }
        }
        if let Err(error) = opened.service.close().await {
            tracing::warn!(%error, "the last access times could not be written");
        }
        drop(opened.lock);
    }
}

fn state_in(folder: &Path) -> State {
    State { data: Some(folder.display().to_string()), ..State::default() }
}

fn client(url: String, token: String) -> Result<CacheClient> {
    let shown = url.clone();
    let agent = concat!("snowbank/", env!("CARGO_PKG_VERSION")).to_owned();
    CacheClient::new(Options {
        url,
        token: Token::new(token),
        user_agent: agent,
        patience: Patience::default(),
    })
    .map_err(|error| CliError::usage(format!("the cache service {shown} cannot be used")).because(error))
}

/// Whether a job's service is GitHub's own: `https://results-receiver.actions.githubusercontent.com/`.
pub(crate) fn is_githubs(url: &str) -> bool {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_none_or(|host| host.ends_with(".githubusercontent.com") || host.ends_with(".github.com"))
}

/// The service that the action has handed on to later steps of its job: the runner gives it to actions only.
#[derive(Debug, Deserialize)]
struct Handed {
    url: String,
    token: String,
}

impl Handed {
    fn read(file: &Path) -> Result<Self> {
        let failed =
            || CliError::failed(format!("the job's cache service is not known: {HANDED}={}", file.display()));
        let mut text = String::new();
        let read = std::fs::File::open(file).and_then(|open| open.take(MAX_HANDED).read_to_string(&mut text));
        read.map_err(|error| failed().because(error))?;
        // What is in it is secret, so the reason must not quote it.
        serde_json::from_str(&text).map_err(|_| failed().hint("let the action write it anew"))
    }
}

/// What the action has handed on.
fn handed() -> Result<Option<Handed>> {
    variable(HANDED).map(|file| Handed::read(Path::new(&file))).transpose()
}

/// What a URL's token is taken from: its own variable first where it was named, else what the job was given.
fn token_from(named: bool, variable: impl Fn(&str) -> Option<String>) -> &'static str {
    match named {
        true if variable("SNOWBANK_TOKEN").is_some() => "SNOWBANK_TOKEN",
        false if variable(HANDED).is_some() => "the action",
        _ => "ACTIONS_RUNTIME_TOKEN",
    }
}

/// Whether it begins as an address without its scheme does: HOST:PORT.
fn is_address(remote: &str) -> bool {
    let begin = remote.split('/').next().unwrap_or_default();
    let Some((host, port)) = begin.rsplit_once(':') else { return false };
    let named = |c: char| c.is_ascii_alphanumeric() || "-.[]:".contains(c);
    !host.is_empty() && host.chars().all(named) && port.parse::<u16>().is_ok()
}

fn place(
    arguments: &Arguments,
    variable: impl Fn(&str) -> Option<String>,
    handed: impl FnOnce() -> Result<Option<Handed>>,
) -> Result<Place> {
    known(arguments, variable, handed)?.ok_or_else(|| {
        CliError::usage("no cache service is named")
            .hint("name one with --remote URL, or a folder with --remote DIR")
            .hint("in a GitHub job, `run:` steps know of one behind a step that `uses` the snowbank action")
    })
}

fn known(
    arguments: &Arguments,
    variable: impl Fn(&str) -> Option<String>,
    handed: impl FnOnce() -> Result<Option<Handed>>,
) -> Result<Option<Place>> {
    let job = || Some((variable("ACTIONS_RESULTS_URL")?, variable("ACTIONS_RUNTIME_TOKEN")?));
    match &arguments.remote {
        Some(remote) if remote.starts_with("http://") || remote.starts_with("https://") => {
            let token = variable("SNOWBANK_TOKEN").or_else(|| variable("ACTIONS_RUNTIME_TOKEN"));
            let token = token.ok_or_else(|| {
                CliError::usage(format!("there is no token for {remote}")).hint(
                    "put one into SNOWBANK_TOKEN: `snowbank token create --repo OWNER/NAME --scope refs/heads/main:rw` mints it where the server is",
                )
            })?;
            Ok(Some(Place::Url { url: remote.clone(), token }))
        }
        Some(remote) if remote.contains("://") => {
            Err(CliError::usage(format!("the remote {remote} is neither an http URL nor a folder")))
        }
        Some(remote) if is_address(remote) => {
            Err(CliError::usage(format!("the remote {remote} is neither an http URL nor a folder"))
                .hint(format!("did you mean http://{remote}, or https://{remote}?"))
                .hint(format!("a folder of that name is written ./{remote}")))
        }
        Some(folder) => Ok(Some(Place::Folder(PathBuf::from(folder)))),
        None => match handed()? {
            Some(Handed { url, token }) => Ok(Some(Place::Url { url, token })),
            None => Ok(job().map(|(url, token)| Place::Url { url, token })),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(remote: Option<&str>, variables: &[(&str, &str)]) -> Result<Place> {
        let arguments = Arguments { remote: remote.map(str::to_owned), ..Arguments::default() };
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        place(&arguments, variable, || Ok(None))
    }

    const JOB: [(&str, &str); 2] =
        [("ACTIONS_RESULTS_URL", "https://results/"), ("ACTIONS_RUNTIME_TOKEN", "job")];

    #[test]
    fn a_job_s_own_service_is_used_where_none_is_named() {
        let expected = Place::Url { url: "https://results/".into(), token: "job".into() };
        assert_eq!(placed(None, &JOB).unwrap(), expected);
        let error = placed(None, &JOB[..1]).unwrap_err();
        assert!(error.hints.iter().any(|hint| hint.contains("`run:` steps")), "{error:?}");
    }

    #[test]
    fn githubs_own_service_is_told_apart() {
        assert!(is_githubs("https://results-receiver.actions.githubusercontent.com/"));
        assert!(is_githubs("no URL"));
        assert!(!is_githubs("http://cache.example/") && !is_githubs("http://githubusercontent.com.example/"));
    }

    #[test]
    fn what_the_action_handed_on_is_used_by_later_steps() {
        let handed = || Ok(Some(Handed { url: "http://own/".into(), token: "handed".into() }));
        let placed = place(&Arguments::default(), |_| None, handed).unwrap();
        assert_eq!(placed, Place::Url { url: "http://own/".into(), token: "handed".into() });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("service.json");
        std::fs::write(&file, r#"{"url": "http://own/", "token": "secret" oops"#).unwrap();
        let error = Handed::read(&file).unwrap_err();
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    #[test]
    fn a_named_service_takes_its_own_token_first() {
        let url = |token: &str| Place::Url { url: "http://own/".into(), token: token.into() };
        assert_eq!(placed(Some("http://own/"), &JOB).unwrap(), url("job"));
        let own = [("SNOWBANK_TOKEN", "own"), JOB[1]];
        assert_eq!(placed(Some("http://own/"), &own).unwrap(), url("own"));
        assert!(placed(Some("http://own/"), &[]).is_err());
    }

    #[test]
    fn what_is_no_url_is_a_folder() {
        assert_eq!(placed(Some("cache/x"), &JOB).unwrap(), Place::Folder("cache/x".into()));
        assert!(placed(Some("s3://bucket"), &JOB).is_err());
    }

    #[test]
    fn an_address_without_its_scheme_is_no_folder() {
        for address in ["127.0.0.1:8484", "localhost:8484", "cache.example.org:443/x", "[::1]:8484"] {
            let error = placed(Some(address), &JOB).unwrap_err();
            assert!(error.hints[0].contains(&format!("http://{address}")), "{error:?}");
            assert_eq!(
                placed(Some(&format!("./{address}")), &JOB).unwrap(),
                Place::Folder(format!("./{address}").into())
            );
        }
        for folder in ["cache.example.org", "/var/a:1/b", "a:b", ":8484", "c:99999"] {
            assert_eq!(placed(Some(folder), &JOB).unwrap(), Place::Folder(folder.into()));
        }
    }
}
