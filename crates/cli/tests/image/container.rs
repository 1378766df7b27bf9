//! The image of Snowbank itself, and the server in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use snowbank_testkit::docker_registry::{Access, DockerRegistry};
use snowbank_testkit::nginx::Nginx;
use snowbank_testkit::process::{Process, free_port};
use snowbank_testkit::snowbank::binary_from_environment;
use snowbank_testkit::tools;
use snowbank_testkit::wire::WireClient;

use crate::kit::{Pulled, json, said, snowbank};

const DATA: &str = "/var/lib/snowbank";

fn repository(name: &str) -> PathBuf {
    tools::repository().join(name)
}

/// What is put into the image: what `SNOWBANK_BIN` names, as what `make static` made, else what was built with these tests.
fn program() -> PathBuf {
    binary_from_environment().unwrap_or_else(|| env!("CARGO_BIN_EXE_snowbank").into())
}

/// The script, with the program less its debug information, which would only be carried about.
fn push(folder: &Path, authorities: &Path, destination: &str) -> Output {
    tools::ensure("nix");
    tools::ensure("build");
    let binary = folder.join("snowbank");
    if !binary.exists() {
        let stripped = tools::command("strip").arg("-o").arg(&binary).arg(program()).output().unwrap();
        assert!(stripped.status.success(), "{}", said(&stripped));
    }
    let mut script = Command::new(repository("deploy/container/push"));
    script.arg(&binary).args([destination, "--json", "--no-ci-labels", "--no-records"]);
    script.env("PATH", tools::search_path()).env("SSL_CERT_FILE", authorities).env("HOME", folder);
    script.output().unwrap()
}

/// A pulled image, unpacked, and what it is run with.
struct Container {
    root: tempfile::TempDir,
    config: Value,
}

impl Container {
    fn of(image: &str) -> Self {
        let pulled = Pulled::of(image);
        Self { root: pulled.unpack(), config: pulled.config()["config"].clone() }
    }

    fn words(&self, field: &str) -> Vec<String> {
        serde_json::from_value(self.config[field].clone()).unwrap_or_else(|error| panic!("{field}: {error}"))
    }

    /// A command as a runtime starts it: in the image, with its environment, as its user, with nothing of what is around.
    fn command(&self, words: &[String], environment: &[(&str, &str)]) -> Command {
        let (user, group) = self.config["User"].as_str().unwrap().split_once(':').unwrap();
        let mut command = tools::command("unshare");
        command
            .arg("--root")
            .arg(self.root.path())
            .args(["--wd", self.config["WorkingDir"].as_str().unwrap()]);
        command.args(["--setuid", user, "--setgid", group, "--"]).args(words).env_clear();
        for pair in self.words("Env") {
            let (name, value) = pair.split_once('=').unwrap();
            command.env(name, value);
        }
        command.envs(environment.iter().copied());
        command
    }

    /// The entrypoint with other arguments than the image's.
    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let words = [self.words("Entrypoint"), arguments.iter().map(|&word| word.to_owned()).collect()];
        self.command(&words.concat(), environment).output().unwrap()
    }
}

#[test]
fn the_server_in_the_image_serves() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("not tried: only root may give a program a root of its own");
    }
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(files.path().join("readyz"), r#"{"ready":true}"#).unwrap();
    let elsewhere = Nginx::serve_tls(files.path());
    let registry = DockerRegistry::start(Access::Open);
    let image = format!("{}/a/snowbank:v1", registry.host());
    json(&push(folder.path(), &elsewhere.certificate(), &image));
    let container = Container::of(&format!("docker://{image}"));

    // As its user, on its folder, over its network.
    let port = free_port().to_string();
    let listen = format!("0.0.0.0:{port}");
    let environment = [("SNOWBANK_LISTEN", listen.as_str())];
    let words = [container.words("Entrypoint"), container.words("Cmd")].concat();
    let mut server = Process::spawn("the container", container.command(&words, &environment));
    server.wait_for_line("its address", |line| line.contains("listening on").then_some(()));
    let health: Vec<String> =
        serde_json::from_value(container.config["Healthcheck"]["Test"].clone()).unwrap();
    assert_eq!(health[0], "CMD");
    let health = container.command(&health[1..], &environment).output().unwrap();
    assert_eq!((health.status.code(), said(&health).trim()), (Some(0), "ready"));

    let create = ["token", "create", "--repo", "acme/app", "--scope", "refs/heads/main:rw"];
    let token = container.run(&create, &[]);
    assert!(token.status.success(), "{}", said(&token));
    let wire =
        WireClient::new(&format!("http://127.0.0.1:{port}"), String::from_utf8_lossy(&token.stdout).trim());
    let content = snowbank_testkit::noise::noise(3_000_000, 1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        wire.save("k", "v", &content).await.unwrap();
        let (hit, found) = wire.restore(&["k"], "v").await.unwrap().unwrap();
        assert!(hit == "k" && found[..] == content[..], "the content came back changed");
    });
    let catalog = fs::metadata(container.root.path().join("var/lib/snowbank/catalog.db")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&catalog), 65532);

    // It trusts the authorities that it was given, and no others.
    let ask = ["health", "--server", elsewhere.url()];
    let asked = container.run(&ask, &[]);
    assert!(asked.status.success(), "{}", said(&asked));
    let asked = container.run(&ask, &[("SSL_CERT_FILE", "/nonexistent")]);
    assert_eq!(asked.status.code(), Some(1), "{}", said(&asked));
    assert!(said(&asked).contains("could not be asked"), "{}", said(&asked));

    assert!(server.terminate().success(), "{}", server.output());
    let down = container.run(&["health"], &environment);
    assert_eq!(down.status.code(), Some(1), "{}", said(&down));
}

#[test]
fn the_image_says_what_it_is_and_is_the_same_again() {
    let (folder, authorities) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    fs::write(authorities.path(), "none").unwrap();
    let to = |name: &str| format!("oci:{}:v1", folder.path().join(name).display());
    let first = json(&push(folder.path(), authorities.path(), &to("one")));
    let second = json(&push(folder.path(), authorities.path(), &to("two")));
    assert_eq!(first["digest"], second["digest"]);

    let pulled = Pulled::of(&to("one"));
    let config = &pulled.config()["config"];
    assert_eq!((&config["User"], &config["WorkingDir"]), (&"65532:65532".into(), &DATA.into()));
    assert_eq!(config["Volumes"], serde_json::json!({ DATA: {} }));
    assert_eq!(config["ExposedPorts"], serde_json::json!({"8484/tcp": {}}));
    assert_eq!(config["Cmd"], serde_json::json!(["serve"]));
    let version = &config["Labels"]["org.opencontainers.image.version"];
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let own = format!(" {DATA}");
    let line = pulled.listed().into_iter().find(|line| line.ends_with(&own));
    let line = line.unwrap_or_else(|| panic!("{:?}", pulled.listed()));
    assert!(line.starts_with("drwx------ 65532/65532 "), "{line}");

    // The composition is one of this image.
    let compose = fs::read_to_string(repository("deploy/container/compose.yml")).unwrap();
    for wanted in [&format!("[\"data:{DATA}\"]"), "127.0.0.1:8484:8484", "[CMD, snowbank, health]"] {
        assert!(compose.contains(wanted), "{wanted}");
    }
    let variables: Vec<(&str, &str)> = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("SNOWBANK_").map(|_| line.trim()))
        .filter_map(|line| line.split_once(": "))
        .collect();
    assert_eq!(variables.len(), 2, "{variables:?}");
    let mut show = snowbank(folder.path(), folder.path(), &["config", "show"]);
    let shown = show.env_remove("SNOWBANK_STORE").envs(variables.iter().copied()).output().unwrap();
    assert!(shown.status.success(), "{}", said(&shown));
}
