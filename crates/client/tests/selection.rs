//! What is selected of stores that Nix has made.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use snowbank_client::selection::{SelectError, Selection, Wish, select};
use snowbank_nix::store::{LocalStore, Place};
use snowbank_nix::store_path::StorePath;
use snowbank_testkit::closure::{nix, succeed};
use tempfile::TempDir;

/// A store in which `app` was built with `tool`, which was built with `compiler`; none of them refers to another.
struct Built {
    root: TempDir,
    folder: TempDir,
    app: String,
    tool: String,
    compiler: String,
}

const EXPRESSION: &str = r#"
let make = name: input: derivation { inherit name input; system = builtins.currentSystem; builder = "/bin/sh"; };
in rec { compiler = make "compiler" "none"; tool = make "tool" compiler; app = make "app" tool; }"#;

impl Built {
    fn new() -> Self {
        let (root, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let output = |name: &str| {
            let mut command = nix("nix-instantiate", root.path());
            let drv = succeed(command.args(["--expr", EXPRESSION, "-A", name]));
            let drv = drv.trim().split('!').next().unwrap().to_owned();
            let out = succeed(nix("nix-store", root.path()).args(["--query", "--outputs", &drv]));
            built(root.path(), out.trim(), &drv, &[]);
            out.trim().to_owned()
        };
        let [compiler, tool, app] = ["compiler", "tool", "app"].map(output);
        Self { root, folder, app, tool, compiler }
    }

    fn store(&self) -> LocalStore {
        LocalStore::open(Place::below(self.root.path())).unwrap()
    }

    fn select(&self, all: bool, exclude: &[String], since: Option<i64>) -> Result<Selection, SelectError> {
        let restored = BTreeSet::new();
        let folder = self.folder.path();
        let wish = Wish { paths: &[], all, exclude, since, restored: &restored, folder };
        select(&self.store(), &wish)
    }

    /// The names of what is selected when `path` is named.
    fn named(&self, path: &str, exclude: &[String]) -> Vec<String> {
        let paths = [PathBuf::from(path)];
        let restored = BTreeSet::new();
        let folder = self.folder.path();
        let wish = Wish { paths: &paths, all: false, exclude, since: None, restored: &restored, folder };
        names(&select(&self.store(), &wish).unwrap())
    }
}

/// Does what a builder would have done, and tells Nix.
fn built(root: &Path, out: &str, drv: &str, references: &[&str]) {
    let file = root.join(&out[1..]);
    std::fs::write(&file, out).unwrap();
    let mut command = nix("nix-store", root);
    command.arg("--load-db").stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let references: String = references.iter().map(|path| format!("{path}\n")).collect();
    let nar = snowbank_nix::nar::dump(&file, Vec::new()).unwrap();
    let hash = snowbank_nix::hash::NarHash::of(&nar).base16();
    let record = format!("{out}\n{hash}\n{}\n{drv}\n{}\n{references}", nar.len(), references.lines().count());
    child.stdin.take().unwrap().write_all(record.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn names(selection: &Selection) -> Vec<String> {
    let mut names: Vec<_> = selection.closure.iter().map(|info| info.path.name().to_owned()).collect();
    names.sort();
    names
}

fn path(text: &str) -> StorePath {
    text.strip_prefix("/nix/store/").unwrap().parse().unwrap()
}

#[test]
fn what_built_a_path_comes_along_and_derivations_do_not() {
    let built = Built::new();
    assert_eq!(built.named(&built.app, &[]), ["app", "compiler", "tool"]);
    assert_eq!(built.named(&built.tool, &[]), ["compiler", "tool"]);
    assert_eq!(built.named(&built.compiler, &[]), ["compiler"]);
}

#[test]
fn a_derivation_is_saved_where_a_path_refers_to_it() {
    let built = Built::new();
    let drv = succeed(nix("nix-store", built.root.path()).args(["--query", "--deriver", &built.tool]));
    let holder = "/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-holder";
    self::built(built.root.path(), holder, "", &[drv.trim()]);
    let names = built.named(holder, &[]);
    assert_eq!(names, ["compiler.drv", "holder", "tool.drv"]);
}

#[test]
fn without_names_it_is_what_is_new_and_what_the_result_links_lead_to() {
    let built = Built::new();
    assert!(built.select(false, &[], None).unwrap().closure.is_empty());
    let new = built.select(false, &[], Some(0)).unwrap();
    assert_eq!(names(&new), ["app", "compiler", "tool"]);
    assert!(built.select(false, &[], Some(i64::MAX)).unwrap().closure.is_empty());
    std::os::unix::fs::symlink(&built.tool, built.folder.path().join("result")).unwrap();
    std::os::unix::fs::symlink("/nix/store/elsewhere", built.folder.path().join("result-2")).unwrap();
    let linked = built.select(false, &[], None).unwrap();
    assert_eq!(
        (names(&linked), linked.roots),
        (vec!["compiler".to_owned(), "tool".to_owned()], [path(&built.tool)].into())
    );
}

#[test]
fn what_a_restore_has_brought_is_no_root() {
    let built = Built::new();
    let store = built.store();
    let restored: BTreeSet<_> = store.valid_paths().unwrap();
    let folder = built.folder.path();
    let wish = Wish { paths: &[], all: false, exclude: &[], since: Some(0), restored: &restored, folder };
    assert!(select(&store, &wish).unwrap().closure.is_empty());
}

#[test]
fn everything_is_everything_and_a_pattern_takes_out_what_refers_to_it_too() {
    let built = Built::new();
    let holder = "/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-holder";
    self::built(built.root.path(), holder, "", &[&built.tool]);
    let all = built.select(true, &[], None).unwrap();
    assert_eq!(all.closure.len(), built.store().valid_paths().unwrap().len());
    let exclude = ["too*".to_owned()];
    let some = built.select(true, &exclude, None).unwrap();
    assert!(some.excluded >= 2, "{}", some.excluded);
    let names = names(&some);
    assert!(names.contains(&"app".to_owned()) && !names.contains(&"holder".to_owned()), "{names:?}");
}

#[test]
fn the_sources_of_a_lock_file_come_along() {
    let built = Built::new();
    let source = built.folder.path().join("source");
    std::fs::write(&source, "a flake").unwrap();
    let root = built.root.path();
    let added = succeed(nix("nix-store", root).args(["--add-fixed", "--recursive", "sha256"]).arg(&source));
    let hash = succeed(nix("nix-store", root).args(["--query", "--hash", added.trim()]));
    let sri = snowbank_nix::hash::Digest::parse(hash.trim()).unwrap().sri();
    let lock =
        format!("{{\"nodes\": {{\"a\": {{\"locked\": {{\"narHash\": \"{sri}\"}}}}}}, \"version\": 7}}");
    std::fs::write(built.folder.path().join("flake.lock"), lock).unwrap();
    assert_eq!(built.named(&built.compiler, &[]), ["compiler", "source"]);
    std::fs::write(built.folder.path().join("flake.lock"), "no lock file").unwrap();
    assert!(matches!(built.select(false, &[], None), Err(SelectError::NoLockFile { .. })));
}

#[test]
fn what_is_named_and_not_there_is_an_error_that_names_it() {
    let built = Built::new();
    for name in ["/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-absent", "/etc/passwd", "no-such-link"] {
        let paths = [PathBuf::from(name)];
        let restored = BTreeSet::new();
        let folder = built.folder.path();
        let wish = Wish { paths: &paths, all: false, exclude: &[], since: None, restored: &restored, folder };
        let error = select(&built.store(), &wish).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}
