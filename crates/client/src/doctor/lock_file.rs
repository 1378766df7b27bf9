//! Whether the lock file is what a job will hash.

use super::{Finding, Level};

/// What git knows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Git {
    /// There is no repository, or no git.
    Unknown,
    /// A rule of a `.gitignore` leaves it out.
    Ignored,
    /// It was never added.
    Untracked,
    /// It differs from what was committed last.
    Modified,
    /// It is as committed.
    Committed,
}

/// A lock file that was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFile {
    /// As it was named, from the workspace.
    pub path: String,
    /// Whether it is there.
    pub there: bool,
    /// What git knows of it.
    pub git: Git,
}

/// What the pattern of the lock files comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// The patterns, as hashFiles() takes them.
    pub patterns: Vec<String>,
    /// What it gives: nothing where no file matches.
    pub hash: String,
}

/// What is to be said of each file; `elsewhere` are lock files of the repository that were not named.
#[must_use]
pub fn files(files: &[LockFile], elsewhere: &[String]) -> Vec<Finding> {
    files.iter().map(|file| one(file, elsewhere)).collect()
}

fn one(file: &LockFile, elsewhere: &[String]) -> Finding {
    let path = &file.path;
    let problem = |id, title: &str, seen: String| Finding::new(Level::Problem, id, title, seen);
    if !file.there {
        let missing =
            |seen| problem("lock-file-missing", "the lock file is not where it is looked for", seen);
        return match elsewhere {
            [] => missing(format!("there is no {path}"))
                .hint("`nix flake lock` makes it; `git add flake.lock` and commit it"),
            [first, ..] => missing(format!(
                "there is no {path}; the repository has {}",
                elsewhere.join(", ")
            ))
            .hint(format!(
                "let the key hash that one: hashFiles('{first}'), or all of them: hashFiles('**/flake.lock')"
            ))
            .hint(format!("`snowbank doctor --lock-file {first}` looks at it")),
        };
    }
    match file.git {
        Git::Ignored => problem(
            "lock-file-ignored",
            "the lock file is not committed",
            format!("{path} is there, but a .gitignore leaves it out: jobs do not have it, so hashFiles() gives them nothing"),
        )
        .hint(format!("take it out of the .gitignore, then `git add -f {path}` and commit it")),
        Git::Untracked => problem(
            "lock-file-untracked",
            "the lock file is not committed",
            format!("{path} is there, but git does not know it: jobs do not have it, so hashFiles() gives them nothing"),
        )
        .hint(format!("`git add {path}` and commit it")),
        Git::Modified => Finding::new(
            Level::Warning,
            "lock-file-modified",
            "the lock file differs from the committed one",
            format!("{path} was changed and not committed: a job hashes another one than this"),
        )
        .hint("commit it, or `git restore` it; in a job, a step before this one has changed it"),
        Git::Unknown => Finding::new(
            Level::Note,
            "lock-file-git-unknown",
            "whether the lock file is committed is not known",
            format!("{path} is there, but git has no answer about it"),
        ),
        Git::Committed => Finding::new(Level::Ok, "lock-file", "the lock file is committed", path.clone()),
    }
}

/// What the hash says of a key: `hashed` is what hashFiles() gives here.
#[must_use]
pub fn hash(hashed: &Hashed, key: Option<&str>) -> Finding {
    let patterns: Vec<_> = hashed.patterns.iter().map(|pattern| format!("'{pattern}'")).collect();
    let call = format!("hashFiles({})", patterns.join(", "));
    if hashed.hash.is_empty() {
        return Finding::new(
            Level::Problem,
            "hash-empty",
            "hashFiles() matches no file",
            format!("{call} is empty, so a key made with it stays the same whatever is locked"),
        )
        .hint("patterns begin at the workspace: is the path right, and does the checkout come before the cache?");
    }
    let seen = format!("{call} is {}", hashed.hash);
    match key.and_then(hash_in) {
        Some(other) if other != hashed.hash => Finding::new(
            Level::Warning,
            "hash-differs",
            "the key has another hash than the lock files here",
            format!("{seen}, and the key ends in {other}"),
        )
        .hint("after the lock file has changed that is right for an older key; else the key hashes other files: is its path right?"),
        Some(_) => Finding::new(Level::Ok, "hash", "the key has the hash of the lock files", seen),
        None => Finding::new(Level::Ok, "hash", "what the lock files hash to", seen)
            .hint(format!("a key `nix-store-Linux-${{{{ {call} }}}}` is nix-store-Linux-{}", hashed.hash)),
    }
}

/// The hash of hashFiles() in a key: 64 hexadecimal digits that stand for themselves.
#[must_use]
pub fn hash_in(key: &str) -> Option<&str> {
    key.split(|c: char| !c.is_ascii_alphanumeric())
        .find(|word| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_a_word_of_the_key() {
        let hash = "a".repeat(64);
        assert_eq!(hash_in(&format!("nix-{hash}#3")), Some(hash.as_str()));
        assert_eq!(hash_in(&format!("nix-{hash}b")), None);
        let hashed = Hashed { patterns: vec!["flake.lock".into()], hash };
        assert_eq!(super::hash(&hashed, Some(&format!("nix-{}", "b".repeat(64)))).id, "hash-differs");
        assert_eq!(super::hash(&hashed, Some(&format!("nix-{}", hashed.hash))).level, Level::Ok);
        let empty = Hashed { hash: String::new(), ..hashed };
        assert_eq!(super::hash(&empty, None).id, "hash-empty");
    }

    #[test]
    fn a_lock_file_elsewhere_is_named() {
        let file = LockFile { path: "flake.lock".into(), there: false, git: Git::Unknown };
        let found = files(&[file], &["nix/flake.lock".to_owned()]);
        assert!(found[0].hints[0].contains("hashFiles('nix/flake.lock')"), "{found:?}");
    }
}
