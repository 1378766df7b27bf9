//! `snowbank hash-files`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use snowbank_testkit::noise::noise;
use snowbank_testkit::tools::{command, ensure, folder, repository};

fn hash_files(workspace: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.arg("hash-files").args(arguments).env("GITHUB_WORKSPACE", workspace).output().unwrap()
}

#[test]
fn files_are_hashed_as_the_runner_hashes_them() {
    let workspace = tempfile::tempdir().unwrap();
    fs::write(workspace.path().join("empty.txt"), "").unwrap();
    let hashed = hash_files(workspace.path(), &["--follow-symbolic-links", "*.txt", "!none"]);
    assert_eq!(
        String::from_utf8(hashed.stdout).unwrap(),
        "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456\n"
    );
    let nothing = hash_files(workspace.path(), &["nothing"]);
    assert!(nothing.status.success());
    assert_eq!(nothing.stdout, b"\n");
    let said = String::from_utf8(nothing.stderr).unwrap();
    assert!(said.contains("warning: no file matches nothing in "), "{said}");
}

#[test]
fn a_bad_pattern_is_a_wrong_use() {
    let workspace = tempfile::tempdir().unwrap();
    let refused = hash_files(workspace.path(), &["../x"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`../x`"));
}

/// A source of choices that are the same in every run.
struct Choices(std::vec::IntoIter<u8>);

impl Choices {
    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::from(self.0.next().unwrap()) % all.len()]
    }

    fn several(&mut self, all: &[&str], most: u8, between: &str) -> String {
        let count = self.0.next().unwrap() % most + 1;
        (0..count).map(|_| self.of(all)).collect::<Vec<_>>().join(between)
    }
}

#[test]
fn patterns_of_every_kind_give_what_the_real_glob_package_gives() {
    const NAMES: [&str; 9] = ["a", "b", ".c", "a.txt", "ab", "[a]", "a b", "*", "ä😀"];
    const PARTS: [&str; 26] = [
        "*", "**", "?", "a", "b", "[ab]", "[!a]", "[^a]", ".c", "*.txt", "a*", "[", "]", "[a-c]*", "\\a",
        "\\*", "[*]", "[]", "[z-a]", "{a,b}", "**a", "ä??", "ä*", "[[]a]", "*[a-", "[\\]a]",
    ];
    ensure("npm");
    let mut choices = Choices(noise(200_000, 11).into_iter());
    let trees: Vec<_> = (0..6).map(|_| tree(&mut choices, &NAMES)).collect();
    let mut calls = Vec::new();
    for tree in trees.iter().cycle().take(1200) {
        let lines = (0..1 + choices.0.next().unwrap() % 3).map(|_| {
            let (sign, end) =
                (choices.of(&["", "", "", "!", "!!", "# ", "./"]), choices.of(&["", "", "", "/"]));
            format!("{sign}{}{end}", choices.several(&PARTS, 4, "/"))
        });
        let patterns: Vec<String> = lines.collect();
        let follow = choices.of(&["", "follow"]) == "follow";
        calls.push((tree.path().canonicalize().unwrap(), patterns, follow));
    }
    let asked: Vec<_> = calls
        .iter()
        .map(|(workspace, patterns, follow)| {
            serde_json::json!({ "workspace": workspace, "patterns": patterns, "follow": follow })
        })
        .collect();
    let mut list = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&mut list, &asked).unwrap();
    let output = command("node")
        .arg(repository().join("crates/testkit/js/hash-files.mjs"))
        .arg(list.path())
        .env("NPM_CLIENTS", folder().join("npm"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<Option<String>> = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let mut differ = Vec::new();
    for ((workspace, patterns, follow), theirs) in calls.iter().zip(&theirs) {
        let ours = snowbank_actions::hash_files::hash_files(workspace, patterns, *follow);
        if ours.as_ref().ok() != theirs.as_ref() {
            differ.push(format!("{patterns:?} {follow} in {}: {ours:?}, not {theirs:?}", listed(workspace)));
        }
    }
    assert_eq!(theirs.len(), calls.len());
    assert!(theirs.iter().flatten().filter(|value| !value.is_empty()).count() > 200, "few patterns match");
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Some folders, files that all differ, and links, good and broken.
fn tree(choices: &mut Choices, names: &[&str]) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    for number in 0..24 {
        let path = tree.path().join(choices.several(names, 3, "/"));
        // Some names are taken, by files too; the tree is then smaller.
        let _ = fs::create_dir_all(path.parent().unwrap());
        let _ = match number % 8 {
            7 => std::os::unix::fs::symlink(choices.of(names), path),
            _ => fs::File::create_new(&path).and_then(|_| fs::write(&path, number.to_string())),
        };
    }
    tree
}

fn listed(folder: &Path) -> String {
    let files = snowbank_testkit::disk::files_below(folder).unwrap_or_default();
    files.iter().map(|file| format!("{} ", file.display())).collect()
}
