//! Which cache service a job has, and whether it speaks what is spoken here.

use super::{Finding, Level};

/// Whose jobs these are, as the environment names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forge {
    /// github.com, or a company's own domain there.
    GitHub,
    /// GitHub Enterprise Server, on a machine of the company's own.
    GitHubServer,
    /// Gitea.
    Gitea,
    /// Forgejo.
    Forgejo,
    /// No job.
    None,
}

impl Forge {
    /// The forge of a job's environment. Sources: the runners set `GITHUB_ACTIONS`, Gitea's `GITEA_ACTIONS` and
    /// Forgejo's `FORGEJO_ACTIONS` beside it; who is GitHub Enterprise Server is told as `@actions/cache` does it.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).is_some_and(|value| value == "true");
        let host = || {
            let url = variable("GITHUB_SERVER_URL")?.parse::<url::Url>().ok()?;
            Some(url.host_str()?.to_ascii_lowercase())
        };
        match () {
            () if set("FORGEJO_ACTIONS") => Self::Forgejo,
            () if set("GITEA_ACTIONS") => Self::Gitea,
            () if !set("GITHUB_ACTIONS") => Self::None,
            () => match host() {
                Some(host)
                    if host != "github.com"
                        && !host.ends_with(".ghe.com")
                        && !host.ends_with(".localhost") =>
                {
                    Self::GitHubServer
                }
                _ => Self::GitHub,
            },
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitHubServer => "GitHub Enterprise Server",
            Self::Gitea => "Gitea",
            Self::Forgejo => "Forgejo",
            Self::None => "no forge",
        }
    }

    /// Whether its own cache speaks the older protocol alone.
    #[must_use]
    pub const fn is_older(self) -> bool {
        matches!(self, Self::GitHubServer | Self::Gitea | Self::Forgejo)
    }
}

/// What the environment tells of a job's service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whose job it is.
    pub forge: Forge,
    /// `ACTIONS_RESULTS_URL`, the address of version 2.
    pub results_url: bool,
    /// `ACTIONS_CACHE_URL`, the address of version 1.
    pub cache_url: bool,
    /// `ACTIONS_RUNTIME_TOKEN`.
    pub token: bool,
    /// `ACTIONS_CACHE_SERVICE_V2`.
    pub v2: bool,
}

/// What keeps a job's own service from being known; for a job that no service was named for.
#[must_use]
pub fn unknown(told: Told) -> Finding {
    let name = told.forge.name();
    if told.forge == Forge::None {
        return Finding::new(
            Level::Note,
            "service-none",
            "no cache service is named",
            "this is no job, and --remote was not given",
        )
        .hint("name one with --remote URL, or a folder with --remote DIR");
    }
    if told.cache_url && !told.results_url {
        return Finding::new(
            Level::Problem,
            "service-v1-only",
            format!("{name} offers the older protocol only"),
            "ACTIONS_CACHE_URL is set and ACTIONS_RESULTS_URL is not: that is version 1 of the cache protocol, which snowbank does not speak",
        )
        .hint("let the job use a Snowbank server: --remote URL with a token in SNOWBANK_TOKEN; docs/self-hosted.md says how for each forge");
    }
    let missing = match (told.results_url, told.token) {
        (true, _) => "ACTIONS_RUNTIME_TOKEN is not set",
        (_, true) => "ACTIONS_RESULTS_URL is not set",
        _ => "neither ACTIONS_RESULTS_URL nor ACTIONS_RUNTIME_TOKEN is set",
    };
    Finding::new(
        Level::Problem,
        "service-untold",
        "this step is not told of the job's cache service",
        format!("{missing}: the runner tells actions, and no `run:` steps"),
    )
    .hint("put a step that `uses` the snowbank action before it, which hands the service on")
    .hint("or name a server with --remote URL and a token in SNOWBANK_TOKEN")
}

/// Which protocol `actions/cache` takes in a job, where that is not the one that is spoken here.
#[must_use]
pub fn of_actions(told: Told) -> Option<Finding> {
    match told.forge {
        Forge::None => None,
        forge if forge.is_older() => Some(
            Finding::new(
                Level::Note,
                "actions-cache-v1",
                format!("actions/cache speaks the older protocol on {}", forge.name()),
                "for it every address but github.com's has version 1 only, whatever ACTIONS_CACHE_SERVICE_V2 says",
            )
            .hint("ACTIONS_CACHE_URL must name the Snowbank server, too: it speaks both"),
        ),
        _ if !told.v2 && told.results_url => Some(
            Finding::new(
                Level::Note,
                "actions-cache-v2-off",
                "actions/cache is not told to use version 2",
                "ACTIONS_CACHE_SERVICE_V2 is not set, so it speaks version 1 to ACTIONS_CACHE_URL",
            )
            .hint("set ACTIONS_CACHE_SERVICE_V2=1 where ACTIONS_RESULTS_URL is set by hand"),
        ),
        _ => None,
    }
}

/// What a server answers that was asked in both versions.
#[must_use]
pub fn not_v2(forge: Forge, host: &str, speaks_v1: bool, said: &str) -> Finding {
    let whose = if forge.is_older() { format!(" ({})", forge.name()) } else { String::new() };
    if speaks_v1 {
        return Finding::new(
            Level::Problem,
            "service-v1-only",
            format!("the service speaks the older protocol only{whose}"),
            format!("{host} answers version 1, and not version 2: {said}"),
        )
        .hint("the caches of Gitea, Forgejo and GitHub Enterprise Server do so: name a Snowbank server with --remote URL")
        .hint("docs/self-hosted.md says how a job of each forge uses one");
    }
    Finding::new(
        Level::Problem,
        "service-foreign",
        "what answers there is no cache service",
        format!("{host} answers neither version 2 nor version 1 of the cache protocol: {said}"),
    )
    .hint("is the address right? of a Snowbank server it is http://HOST:8484, without a path")
}

/// A server that does not answer.
#[must_use]
pub fn unreached(host: &str, why: &str) -> Finding {
    Finding::new(
        Level::Problem,
        "service-unreachable",
        "the cache service does not answer",
        format!("{host}: {why}"),
    )
    .hint("is it running, is the address right, and does a proxy or a firewall keep this machine away?")
    .hint("jobs go on without the cache, and build all of it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forge(variables: &[(&str, &str)]) -> Forge {
        Forge::of(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const JOB: (&str, &str) = ("GITHUB_ACTIONS", "true");

    #[test]
    fn forges_are_told_apart() {
        assert_eq!(forge(&[]), Forge::None);
        assert_eq!(forge(&[JOB]), Forge::GitHub);
        assert_eq!(forge(&[JOB, ("GITHUB_SERVER_URL", "https://acme.ghe.com")]), Forge::GitHub);
        assert_eq!(forge(&[JOB, ("GITHUB_SERVER_URL", "https://git.acme.example")]), Forge::GitHubServer);
        assert_eq!(forge(&[JOB, ("GITEA_ACTIONS", "true")]), Forge::Gitea);
        assert_eq!(forge(&[JOB, ("GITEA_ACTIONS", "true"), ("FORGEJO_ACTIONS", "true")]), Forge::Forgejo);
    }

    #[test]
    fn a_job_without_a_service_learns_what_is_missing() {
        let told = Told { forge: Forge::Gitea, results_url: false, cache_url: true, token: true, v2: false };
        let found = unknown(told);
        assert_eq!(
            (found.id, found.title.as_str()),
            ("service-v1-only", "Gitea offers the older protocol only")
        );
        let told = Told { forge: Forge::GitHub, cache_url: false, ..told };
        assert!(unknown(told).seen.starts_with("ACTIONS_RESULTS_URL is not set"));
        assert_eq!(of_actions(Told { results_url: true, ..told }).unwrap().id, "actions-cache-v2-off");
    }
}
