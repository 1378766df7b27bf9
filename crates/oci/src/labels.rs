//! Labels that say where an image's source is.

use crate::config::ImageConfig;

/// The label that names the source's page.
pub const SOURCE: &str = "org.opencontainers.image.source";
/// The label that names the source's revision.
pub const REVISION: &str = "org.opencontainers.image.revision";

/// Adds the labels [`SOURCE`] and [`REVISION`] from what a CI job is told about itself: by GitHub, and by Forgejo and Gitea in
/// GitHub's words, or by GitLab. What the config says already stays. `environment` looks a variable up.
///
/// The rule: an image gets them only where somebody asks for them. The revision changes with each commit, and with it the
/// config and the manifest, so that a push of an image that did not change is no longer one request.
pub fn add_labels(config: &mut ImageConfig, environment: impl Fn(&str) -> Option<String>) {
    let get = |name: &str| environment(name).filter(|value| !value.is_empty());
    let github = get("GITHUB_SERVER_URL").zip(get("GITHUB_REPOSITORY"));
    let source = github.map(|(server, repository)| format!("{}/{repository}", server.trim_end_matches('/')));
    let (source, revision) = match source {
        Some(source) => (Some(source), get("GITHUB_SHA")),
        None => (get("CI_PROJECT_URL"), get("CI_COMMIT_SHA")),
    };
    for (name, value) in [(SOURCE, source), (REVISION, revision)] {
        if let Some(value) = value {
            config.labels.entry(name.to_owned()).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn labelled(labels: &[(&str, &str)], environment: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let mut config = ImageConfig { labels: own(labels), ..ImageConfig::default() };
        let environment = own(environment);
        add_labels(&mut config, |name| environment.get(name).cloned());
        config.labels.into_iter().collect()
    }

    fn pairs(revision: &str, source: &str) -> Vec<(String, String)> {
        vec![(REVISION.to_owned(), revision.to_owned()), (SOURCE.to_owned(), source.to_owned())]
    }

    const GITHUB: [(&str, &str); 3] =
        [("GITHUB_SERVER_URL", "https://git.example/"), ("GITHUB_REPOSITORY", "a/b"), ("GITHUB_SHA", "12")];

    #[test]
    fn each_forge_is_understood() {
        assert_eq!(labelled(&[], &GITHUB), pairs("12", "https://git.example/a/b"));
        let gitlab = [("CI_PROJECT_URL", "https://lab.example/a/b"), ("CI_COMMIT_SHA", "34")];
        assert_eq!(labelled(&[], &gitlab), pairs("34", "https://lab.example/a/b"));
    }

    #[test]
    fn what_is_there_stays() {
        assert_eq!(labelled(&[(SOURCE, "mine")], &GITHUB), pairs("12", "mine"));
    }

    #[test]
    fn nothing_is_made_up() {
        assert_eq!(labelled(&[], &[]), []);
        assert_eq!(labelled(&[], &[("GITHUB_SERVER_URL", "https://x"), ("GITHUB_REPOSITORY", "")]), []);
    }
}
