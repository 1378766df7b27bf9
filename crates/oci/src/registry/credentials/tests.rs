use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn image(text: &str) -> Reference {
    text.parse().unwrap()
}

fn login(user: &str, secret: &str) -> Option<Credential> {
    Some(Credential::Login(Login { user: user.to_owned(), secret: Secret::new(secret) }))
}

fn parse(text: &str) -> AuthFile {
    AuthFile::parse(text.as_bytes()).unwrap()
}

#[test]
fn the_longest_key_wins_and_old_keys_are_known() {
    // a:1, b:2, c:3
    let file = parse(
        r#"{"auths": {"ghcr.io": {"auth": "YToy"}, "ghcr.io/owner": {"auth": "YToz"}, "ghcr.io/owner/image": {},
            "https://index.docker.io/v1/": {"auth": "ZDo0"}, "https://r.example.org/v2/": {"auth": "ZTo1"}}}"#,
    );
    let find = |text: &str| file.entry(&image(text)).unwrap();
    assert_eq!(find("ghcr.io/owner/image"), login("a", "3"));
    assert_eq!(find("ghcr.io/owner2/image"), login("a", "2"));
    assert_eq!(find("nginx"), login("d", "4"));
    assert_eq!(find("r.example.org/x"), login("e", "5"));
    assert_eq!(find("quay.io/x"), None);
}

#[test]
fn tokens_are_told_from_passwords() {
    let file =
        parse(r#"{"auths": {"a.b": {"auth": "YToy", "identitytoken": "i"}, "c.d": {"registrytoken": "r"}}}"#);
    assert_eq!(file.entry(&image("a.b/x")).unwrap(), Some(Credential::Identity(Secret::new("i"))));
    assert_eq!(file.entry(&image("c.d/x")).unwrap(), Some(Credential::Token(Secret::new("r"))));
}

#[test]
fn nothing_secret_is_printed() {
    let printed = format!("{:?}", login("user", "hunter2"));
    assert!(!printed.contains("hunter2"), "{printed}");
    let Err(error) = parse(r#"{"auths": {"a.b": {"auth": "hunter2"}}}"#).entry(&image("a.b/x")) else {
        panic!()
    };
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[test]
fn the_places_are_those_of_docker_and_podman() {
    let environment = |name: &str| match name {
        "XDG_RUNTIME_DIR" => Some("/run/user/1".into()),
        "HOME" => Some("/home/u".into()),
        "DOCKER_CONFIG" => Some("/d".into()),
        "GITHUB_TOKEN" => Some("t".into()),
        _ => None,
    };
    let found = CredentialFiles::from_environment(environment);
    let expected =
        ["/run/user/1/containers/auth.json", "/home/u/.config/containers/auth.json", "/d/config.json"];
    assert_eq!(found.files, expected.map(PathBuf::from));
    assert_eq!(found.github.unwrap().user, "x-access-token");
}

#[tokio::test]
async fn the_first_file_that_knows_wins_and_the_job_s_token_is_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let files = CredentialFiles {
        files: vec![
            folder.path().join("missing"),
            write("1", r#"{"auths": {"a.b": {"auth": "YToy"}}}"#),
            write("2", r#"{"auths": {"a.b": {"auth": "YToz"}, "c.d": {"auth": "ZDo0"}}}"#),
        ],
        search_path: None,
        github: Some(Login { user: "actor".into(), secret: Secret::new("t") }),
    };
    assert_eq!(files.find(&image("a.b/x")).await.unwrap(), login("a", "2"));
    assert_eq!(files.find(&image("c.d/x")).await.unwrap(), login("d", "4"));
    assert_eq!(files.find(&image("ghcr.io/o/x")).await.unwrap(), login("actor", "t"));
    assert_eq!(files.find(&image("quay.io/o/x")).await.unwrap(), None);
    let broken = CredentialFiles { files: vec![write("3", "{\"auths\": \"hunter2\"}")], ..files };
    let error = broken.find(&image("a.b/x")).await.unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

/// A folder with a helper of the name `test` and a file that names it.
fn with_helper(script: &str) -> (TempDir, CredentialFiles) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker-credential-test");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("config.json");
    fs::write(&file, r#"{"auths": {"a.b": {}}, "credsStore": "test", "credHelpers": {"m.n": "absent"}}"#)
        .unwrap();
    let search_path = Some(folder.path().as_os_str().to_owned());
    (folder, CredentialFiles { files: vec![file], search_path, github: None })
}

#[tokio::test]
async fn a_helper_is_given_the_host() {
    let (_folder, files) =
        with_helper(r#"read host; printf '{"ServerURL":"x","Username":"%s","Secret":"%s"}' "$host" "$1""#);
    assert_eq!(files.find(&image("a.b/x")).await.unwrap(), login("a.b", "get"));
    assert_eq!(files.find(&image("nginx")).await.unwrap(), login("https://index.docker.io/v1/", "get"));
    let missing = files.find(&image("m.n/x")).await.unwrap_err().to_string();
    assert!(missing.contains("docker-credential-absent") && missing.contains("install it"), "{missing}");
}

#[tokio::test]
async fn a_helper_may_know_nothing_or_fail() {
    let (_folder, files) = with_helper("echo credentials not found in native keychain; exit 1");
    assert_eq!(files.find(&image("a.b/x")).await.unwrap(), None);
    let (_folder, files) = with_helper("echo hunter2; exit 1");
    let error = files.find(&image("a.b/x")).await.unwrap_err();
    assert!(!format!("{error:?}{error}").contains("hunter2"));
    let (_folder, files) = with_helper(r#"echo '{"Username":"<token>","Secret":"i"}'"#);
    assert_eq!(files.find(&image("a.b/x")).await.unwrap(), Some(Credential::Identity(Secret::new("i"))));
}

proptest! {
    #[test]
    fn no_file_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), auth in "[ -~]{0,40}") {
        let _ = AuthFile::parse(&bytes);
        let text = serde_json::json!({"auths": {"a.b": {"auth": auth}}}).to_string();
        let _ = parse(&text).entry(&image("a.b/c"));
    }
}
