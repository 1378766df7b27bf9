//! A desk where somebody asks the doctor: a workspace, a home, and what the environment says.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::wire::WireClient;
use tempfile::TempDir;

/// The repository and the ref of the tests.
pub(crate) const REPO: &str = "acme/app";
pub(crate) const MAIN: &str = "refs/heads/main";

/// Variables that would tell the doctor of who runs the tests.
const OURS: [&str; 9] =
    ["SNOWBANK_", "ACTIONS_", "GITHUB_", "GH_", "GITEA_", "FORGEJO_", "NIX_", "GIT_", "XDG_"];

/// A workspace and a home.
pub(crate) struct Desk(TempDir);

/// What the doctor said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) findings: Vec<Value>,
    pub(crate) code: i32,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "work", "etc"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    /// A file of the desk: `work/...`, `home/...` or `etc/...`.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.at(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Git in the workspace.
    pub(crate) fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        self.settle(&mut command);
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(arguments);
        let output = command.current_dir(self.at("work")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Nothing of who runs the tests.
    pub(crate) fn settle(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if OURS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.env("HOME", self.at("home")).env("NIX_CONF_DIR", self.at("etc"));
        command.env("PATH", snowbank_testkit::tools::search_path());
    }

    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
        self.settle(&mut command);
        command.arg("doctor").args(arguments).envs(variables.iter().copied());
        command.current_dir(self.at("work"));
        command
    }

    /// Asks the doctor. No finding holds the token.
    pub(crate) fn ask(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let output = self.command(&[&["--json"], arguments].concat(), variables).output().unwrap();
        let (text, talk) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        for (name, value) in variables {
            assert!(!name.contains("TOKEN") || !text.contains(value), "{name} is in {text}");
        }
        let findings = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{talk}"));
        Said { findings, code: output.status.code().unwrap() }
    }
}

impl Said {
    /// The finding of this name.
    pub(crate) fn get(&self, id: &str) -> &Value {
        self.findings
            .iter()
            .find(|finding| finding["id"] == id)
            .unwrap_or_else(|| panic!("no {id} in {self:#?}"))
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.findings.iter().any(|finding| finding["id"] == id)
    }

    /// Holds it to a level, words that were seen, and words of its hints.
    pub(crate) fn says(&self, id: &str, level: &str, seen: &str, hint: &str) {
        let finding = self.get(id);
        assert_eq!(finding["level"], level, "{finding:#}");
        assert!(finding["seen"].as_str().unwrap().contains(seen), "no `{seen}` in {finding:#}");
        let hints = finding["hints"].as_array().unwrap();
        let hinted = hints.iter().any(|text| text.as_str().unwrap().contains(hint));
        assert!(hinted || hint.is_empty(), "no `{hint}` in {finding:#}");
        let problem = self.findings.iter().any(|finding| finding["level"] == "problem");
        assert_eq!(self.code, i32::from(problem), "{self:#?}");
    }
}

pub(crate) fn server(limits: &[(&str, &str)]) -> Snowbank {
    let how = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank"));
    limits.iter().fold(how, |how, (name, value)| how.env(*name, *value)).start()
}

/// Saves bytes under a key, a version and a ref.
pub(crate) fn save(server: &Snowbank, key: &str, version: &str, scope: &str, bytes: &[u8]) {
    let client = WireClient::new(server.url(), &server.token(REPO, &[&format!("{scope}:rw")])).named("test");
    block_on(client.save(key, version, bytes)).unwrap();
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

/// A job's token that writes this ref and reads the default branch.
pub(crate) fn token(server: &Snowbank, scope: &str) -> String {
    let own = format!("{scope}:rw");
    let main = format!("{MAIN}:r");
    if scope == MAIN { server.token(REPO, &[&own]) } else { server.token(REPO, &[&own, &main]) }
}
