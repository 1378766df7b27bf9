//! A self-hosted runner's files, and a developer's service.

use std::path::Path;

use snowbank_testkit::tools;

use crate::kit::BINARY;
use crate::yaml::text;

/// What a script at a place in a runner's folder finds in its environment.
fn address(runner: &Path, script: &str) -> String {
    let file = runner.join(script);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "console.log(process.env.ACTIONS_RESULTS_URL)").unwrap();
    let line = text("self-hosted-runner/.env");
    let (name, value) = line.trim().split_once('=').unwrap();
    let here = tools::repository().join("examples/self-hosted-runner/address.cjs");
    let value = value.replace("/opt/snowbank/address.cjs", &here.display().to_string());
    let mut node = tools::command("node");
    node.arg(file).env(name, value).env("ACTIONS_RESULTS_URL", "https://github.example/");
    let output = node.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn only_actions_that_cache_are_pointed_elsewhere() {
    tools::ensure("npm");
    let runner = tempfile::tempdir().unwrap();
    for (script, elsewhere) in [
        ("_work/_actions/actions/cache/v5/dist/restore/index.js", true),
        ("_work/_actions/actions/setup-node/v6/dist/setup/index.js", true),
        ("_work/_actions/actions/upload-artifact/v5/dist/upload/index.js", false),
        ("_work/app/build.js", false),
    ] {
        let expected = if elsewhere { "https://cache.example.org/" } else { "https://github.example/" };
        assert_eq!(address(runner.path(), script), expected, "{script}");
    }
}

#[test]
fn systemd_takes_the_developer_s_service() {
    let folder = tempfile::tempdir().unwrap();
    let unit = text("developer/snowbank-watch-store.service").replace("/usr/local/bin/snowbank", BINARY);
    let copy = folder.path().join("snowbank-watch-store.service");
    std::fs::write(&copy, unit).unwrap();
    let mut analyze = tools::command("systemd-analyze");
    analyze.args(["--user", "verify", "--man=no"]).arg(copy).env("XDG_RUNTIME_DIR", folder.path());
    match analyze.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
        }
        Err(why) => eprintln!("not tried: there is no systemd-analyze: {why}"),
    }
}
