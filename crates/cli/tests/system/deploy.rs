//! What `deploy/` and the flake say of the program.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use snowbank_testkit::tools;

fn file(name: &str) -> PathBuf {
    tools::repository().join(name)
}

/// The lines `Key=value` of the unit's service, the last of each key; those of one key in a row.
fn unit() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(file("deploy/systemd/snowbank.service")).unwrap();
    let service = text.split("[Service]").nth(1).unwrap().split("[Install]").next().unwrap();
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in service.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (key, value) = line.split_once('=').unwrap();
        lines.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    lines
}

#[test]
fn the_unit_s_configuration_is_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_snowbank"))
        .args(["config", "show", "--config"])
        .arg(file("deploy/systemd/snowbank.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("/var/lib/snowbank"));
}

#[test]
fn the_service_of_nixos_is_confined_as_the_unit_is() {
    let module = std::fs::read_to_string(file("deploy/nix/module.nix")).unwrap();
    let own = [
        "ExecStart",
        "Environment",
        "EnvironmentFile",
        "DynamicUser",
        "ConfigurationDirectory",
        "ConfigurationDirectoryMode",
    ];
    for (key, values) in unit().into_iter().filter(|(key, _)| !own.contains(&key.as_str())) {
        let at =
            module.find(&format!("        {key} = ")).unwrap_or_else(|| panic!("the module lacks {key}"));
        let said = module[at..].split(';').next().unwrap();
        for word in values.iter().flat_map(|value| value.split(' ')).filter(|word| !word.is_empty()) {
            let word = match word {
                "yes" => "true",
                word => word,
            };
            assert!(said.contains(word), "{key}: {said} against {word}");
        }
    }
}

#[test]
fn systemd_takes_the_unit() {
    let mut analyze = tools::command("systemd-analyze");
    let text = std::fs::read_to_string(file("deploy/systemd/snowbank.service")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("snowbank.service");
    std::fs::write(&copy, text.replace("/usr/local/bin/snowbank", env!("CARGO_BIN_EXE_snowbank"))).unwrap();
    match analyze.args(["verify", "--man=no"]).arg(copy).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{said}");
        }
        Err(why) => eprintln!("not tried: there is no systemd-analyze: {why}"),
    }
}

#[test]
fn nix_reads_the_flake_and_what_is_in_it() {
    tools::ensure("nix");
    for name in ["flake.nix", "deploy/nix/package.nix", "deploy/nix/module.nix"] {
        let output = tools::command("nix-instantiate").arg("--parse").arg(file(name)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
