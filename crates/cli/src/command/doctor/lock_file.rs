//! The lock files: git and hashFiles() are asked.

use std::path::Path;
use std::process::Stdio;

use snowbank_actions::hash_files::hash_files;
use snowbank_client::doctor::lock_file::{Git, Hashed, LockFile, files, hash};
use snowbank_client::doctor::{Finding, Level};
use tokio::process::Command;

use super::within;
use crate::args::doctor::Doctor;
use crate::error::CliError;

/// What is hashed unless somebody says otherwise.
const DEFAULT: &str = "flake.lock";

/// Lock files that are named.
const MOST: usize = 5;

pub(super) async fn look(args: &Doctor) -> Vec<Finding> {
    let Doctor { lock_files, workspace, key, .. } = args;
    let named = if lock_files.is_empty() { vec![DEFAULT.to_owned()] } else { lock_files.clone() };
    let elsewhere = others(workspace, &named).await;
    if lock_files.is_empty() && !is_flake(workspace) && elsewhere.is_empty() {
        let seen = format!("there is neither flake.nix nor flake.lock in {}", workspace.display());
        return vec![
            Finding::new(Level::Note, "lock-file-none", "no lock file was looked at", seen)
                .hint("--lock-file says which files the key hashes"),
        ];
    }
    let mut looked = Vec::new();
    for path in &named {
        let there = workspace.join(path).is_file();
        let git = if there { known(workspace, path).await } else { Git::Unknown };
        looked.push(LockFile { path: path.clone(), there, git });
    }
    let mut found = files(&looked, &elsewhere);
    found.push(hashed(workspace, named, key.as_deref()).await);
    found
}

fn is_flake(workspace: &Path) -> bool {
    workspace.join(DEFAULT).exists() || workspace.join("flake.nix").exists()
}

async fn hashed(workspace: &Path, patterns: Vec<String>, key: Option<&str>) -> Finding {
    let failed = |error: CliError| {
        Finding::new(Level::Problem, "hash-failed", "the lock files cannot be hashed", error.line())
            .hint("hashFiles() fails alike in a job")
    };
    let (workspace, asked) = (workspace.to_owned(), patterns.clone());
    let hashed = tokio::task::spawn_blocking(move || hash_files(&workspace, &asked, false)).await;
    let wrong = || CliError::failed("could not hash the files");
    match hashed {
        Ok(Ok(sum)) => hash(&Hashed { patterns, hash: sum }, key),
        Ok(Err(error)) => failed(wrong().because(error)),
        Err(error) => failed(wrong().because(error)),
    }
}

/// What git knows of a file.
async fn known(workspace: &Path, path: &str) -> Git {
    if git(workspace, &["rev-parse", "--git-dir"]).await.is_none() {
        return Git::Unknown;
    }
    if git(workspace, &["ls-files", "--error-unmatch", "--", path]).await.is_some() {
        // A repository without a commit has nothing to differ from, and no job sees its files.
        let same = git(workspace, &["diff", "--quiet", "HEAD", "--", path]).await;
        return if same.is_some() { Git::Committed } else { Git::Modified };
    }
    match git(workspace, &["check-ignore", "--quiet", "--", path]).await {
        Some(_) => Git::Ignored,
        None => Git::Untracked,
    }
}

/// Lock files of the repository that were not named.
async fn others(workspace: &Path, named: &[String]) -> Vec<String> {
    let listed = git(workspace, &["ls-files", "--", ":(glob)**/flake.lock"]).await.unwrap_or_default();
    let other = |path: &&str| !named.iter().any(|name| name == path);
    listed.lines().filter(other).take(MOST).map(str::to_owned).collect()
}

/// What git prints; none where it fails, or is not there.
async fn git(workspace: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(workspace).args(arguments);
    command.stdin(Stdio::null()).kill_on_drop(true).env_remove("SNOWBANK_TOKEN");
    let output = within(async { command.output().await.map_err(|error| error.to_string()) }).await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
