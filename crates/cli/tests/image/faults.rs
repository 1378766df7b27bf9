//! What goes wrong, and what is said of it.

use std::io::Write as _;
use std::process::Stdio;

use snowbank_testkit::docker_registry::{Access, DockerRegistry};
use snowbank_testkit::registry::StandIn;

use crate::kit::{closure, json, push, pushed, said, skopeo, snowbank};

#[test]
fn errors_say_what_is_wrong() {
    let made = closure(41);
    let absent = "/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-absent";
    for (arguments, code, words) in [
        (vec![made.top(), "127.0.0.1:9/a/app:v1"], 1, "127.0.0.1:9"),
        (vec![absent, "127.0.0.1:9/a/app:v1"], 1, "absent"),
        (vec!["--entripoint", "x", made.top(), "127.0.0.1:9/a/app"], 2, "--entripoint"),
        (
            vec![made.top(), "127.0.0.1:9/a/app", "--", "--dest-creds", "u:t", "ghcr.io/a/b"],
            2,
            "127.0.0.1:9/a/app",
        ),
        (vec![made.top()], 2, "DESTINATION"),
    ] {
        let output = push(made.root(), &arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_done() {
    let made = closure(49);
    for (arguments, words) in [
        (&["docker-daemon:a:b"][..], "skopeo copy"),
        (&["https://ghcr.io/a/b:c"], "URL"),
        (&["--env", "A", "ghcr.io/a/b:c"], "--env"),
        (&["--expose", "http", "ghcr.io/a/b:c"], "--expose"),
        (&["--layer", "x", "ghcr.io/a/b:c"], "NAME=PATTERN"),
        (&["--max-layer-size", "much", "ghcr.io/a/b:c"], "--max-layer-size"),
        (&["--created", "today", "ghcr.io/a/b:c"], "--created"),
        (&["--from", "http://127.0.0.1:9/elsewhere", "ghcr.io/a/b:c"], "--from"),
    ] {
        let (to, options) = arguments.split_last().unwrap();
        let output = push(made.root(), &[options, &[made.top(), to]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_folder_that_nothing_was_saved_in_is_not_made() {
    let made = closure(50);
    let folder = made.root().join("nothing");
    let arguments = ["--from", "k", "--remote", folder.to_str().unwrap(), made.top(), "oci:image:v1"];
    let output = push(made.root(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("nothing was ever saved in"), "{}", said(&output));
    assert!(!folder.exists());
}

#[test]
fn a_wrong_password_is_told_and_shown_to_nobody() {
    let registry = DockerRegistry::start(Access::Basic);
    let (made, home) = (closure(43), tempfile::tempdir().unwrap());
    let to = format!("{}/a/app:v1", registry.host());
    let run = |secret: &str| {
        let arguments =
            ["image", "push", "--json", "--username", "user", "--password-stdin", made.top(), &to];
        let mut command = snowbank(made.root(), home.path(), &arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It waits for the password: what others can read of it is there.
        let line = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
        assert!(!String::from_utf8_lossy(&line).contains(secret));
        child.stdin.take().unwrap().write_all(format!("{secret}\n").as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = run("not-the-password");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("401") && !said(&output).contains("not-the-password"),
        "{}",
        said(&output)
    );
    json(&run(DockerRegistry::SECRET));
}

#[test]
fn a_job_s_service_that_cannot_be_used_is_a_warning() {
    let (made, home) = (closure(51), tempfile::tempdir().unwrap());
    let handed = home.path().join("handed");
    for (number, content) in [None, Some("{"), Some(r#"{"url":"http://127.0.0.1:9/","token":"secret-word"}"#)]
        .into_iter()
        .enumerate()
    {
        if let Some(content) = content {
            std::fs::write(&handed, content).unwrap();
        }
        let to = format!("oci:{}:v1", home.path().join(number.to_string()).display());
        let mut command = snowbank(made.root(), home.path(), &["image", "push", "--json", made.top(), &to]);
        let output = command.env("SNOWBANK_SERVICE", &handed).output().unwrap();
        json(&output);
        assert!(said(&output).contains("layers"), "{content:?}: {}", said(&output));
        assert!(said(&output).contains("warning"), "{content:?}: {}", said(&output));
        assert!(!said(&output).contains("secret-word"), "{}", said(&output));
    }
}

#[test]
fn names_are_lowered_and_the_tag_is_latest() {
    let registry = DockerRegistry::start(Access::Open);
    let made = closure(45);
    let output = push(made.root(), &[made.top(), &format!("{}/Acme/App", registry.host())]);
    json(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("lower case"), "{}", said(&output));
    skopeo(&["inspect", "--tls-verify=false", &format!("docker://{}/acme/app:latest", registry.host())]);
}

#[test]
fn what_was_interrupted_leaves_no_image_and_is_pushed_by_the_next() {
    let registry = StandIn::start(snowbank_testkit::registry::Modes { hangs: 1, ..Default::default() });
    let (made, home) = (closure(47), tempfile::tempdir().unwrap());
    let to = format!("{}/a/app:v1", registry.host());
    let mut child = snowbank(made.root(), home.path(), &["image", "push", made.top(), &to]).spawn().unwrap();
    while registry.count("POST") == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it sent anything");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(registry.manifest("a/app", "v1").is_none());
    registry.change(|modes| modes.hangs = 0);
    pushed(made.root(), &[made.top(), &to]);
    assert!(registry.manifest("a/app", "v1").is_some());
}
