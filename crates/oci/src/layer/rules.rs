//! Whom files belong to and what they are called, as a path's options say.

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use super::entries::Node;
use super::error::LayerError;
use super::{PathOptions, Perm};

/// Mode and owner of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) mode: u32,
    pub(super) uid: i64,
    pub(super) gid: i64,
    pub(super) uname: Arc<str>,
    pub(super) gname: Arc<str>,
}

impl Owner {
    /// Root's, with this mode.
    pub(super) fn root(mode: u32) -> Self {
        let name: Arc<str> = "root".into();
        Self { mode, uid: 0, gid: 0, uname: name.clone(), gname: name }
    }
}

/// A path's options, ready for use.
#[derive(Debug)]
pub(super) struct Rules {
    rewrite: Option<(Regex, Vec<u8>)>,
    ignore: Option<Regex>,
    perms: Vec<Rule>,
    /// What files have that no permission names: a directory or what can be executed, a file, a link.
    plain: [Owner; 3],
}

#[derive(Debug)]
struct Rule {
    regex: Regex,
    mode: Option<u32>,
    or_mode: u32,
    uid: i64,
    gid: i64,
    uname: Option<Arc<str>>,
    gname: Option<Arc<str>>,
}

impl Rules {
    /// The rules of the path that is shown as `path`.
    pub(super) fn new(options: &PathOptions, path: &str) -> Result<Self, LayerError> {
        let rewrite = match &options.rewrite {
            rewrite if rewrite.is_none() => None,
            rewrite => Some((compile(&rewrite.regex, path)?, rewrite.repl.clone().into_bytes())),
        };
        let ignore = match options.ignore_destination.as_str() {
            // It would match everything.
            "" => None,
            regex => Some(compile(regex, path)?),
        };
        let perms = options.perms.iter().map(|perm| Rule::new(perm, path)).collect::<Result<_, _>>()?;
        Ok(Self { rewrite, ignore, perms, plain: [0o555, 0o444, 0o777].map(Owner::root) })
    }

    /// Whether files are renamed.
    pub(super) const fn renames(&self) -> bool {
        self.rewrite.is_some()
    }

    /// What a file of the store is called in the image, if that is something else.
    pub(super) fn renamed(&self, source: &[u8]) -> Option<Vec<u8>> {
        let (regex, replacement) = self.rewrite.as_ref()?;
        Some(regex.replace_all(source, replacement.as_slice()).into_owned())
    }

    /// Whether what is called so in the image is left out.
    pub(super) fn ignores(&self, destination: &[u8]) -> bool {
        self.ignore.as_ref().is_some_and(|regex| regex.is_match(destination))
    }

    /// Whom a file of the store belongs to.
    pub(super) fn owner(&self, source: &[u8], node: &Node) -> Owner {
        let mut owner = match node {
            Node::Directory | Node::File { executable: true, .. } => self.plain[0].clone(),
            Node::File { executable: false, .. } => self.plain[1].clone(),
            Node::Symlink(_) => self.plain[2].clone(),
        };
        for rule in self.perms.iter().filter(|rule| rule.regex.is_match(source)) {
            (owner.uid, owner.gid) = (rule.uid, rule.gid);
            owner.mode = rule.mode.unwrap_or(owner.mode) | rule.or_mode;
            owner.uname = rule.uname.clone().unwrap_or(owner.uname);
            owner.gname = rule.gname.clone().unwrap_or(owner.gname);
        }
        owner
    }
}

impl Rule {
    fn new(perm: &Perm, path: &str) -> Result<Self, LayerError> {
        let wrong = |value: &str| LayerError::Perm { path: path.to_owned(), value: value.to_owned() };
        let mode = match perm.mode.as_str() {
            "" => None,
            // Seven digits are what a header has room for.
            mode if mode.len() <= 7 && mode.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(u32::from_str_radix(mode, 8).map_err(|_| wrong(mode))?)
            }
            mode => return Err(wrong(mode)),
        };
        let or_mode = match perm.or_mode.as_str() {
            "" => 0,
            or_mode if or_mode.bytes().all(|byte| byte.is_ascii_digit()) => {
                let bits = u32::from_str_radix(or_mode, 8).ok().filter(|bits| *bits <= 0o7777);
                bits.ok_or_else(|| wrong(or_mode))?
            }
            or_mode => return Err(wrong(or_mode)),
        };
        let name = |name: &str| match name {
            "" => Ok(None),
            name if name.contains('\0') => Err(wrong(name)),
            name => Ok(Some(Arc::from(name))),
        };
        let (uname, gname) = (name(&perm.uname)?, name(&perm.gname)?);
        Ok(Self {
            regex: compile(&perm.regex, path)?,
            mode,
            or_mode,
            uid: perm.uid,
            gid: perm.gid,
            uname,
            gname,
        })
    }
}

/// A regular expression as Go means it.
///
/// Go's classes (`\w`) are of ASCII, and it knows octal digits and `\Q...\E`. It has no bounds of its own, the library's
/// keep a hostile one from taking memory (1 MiB once compiled).
pub(super) fn compile(regex: &str, path: &str) -> Result<Regex, LayerError> {
    let built = RegexBuilder::new(&unquoted(regex)).unicode(false).octal(true).size_limit(1 << 20).build();
    built.map_err(|source| LayerError::Pattern {
        path: path.to_owned(),
        regex: regex.to_owned(),
        source: Box::new(source),
    })
}

/// An expression with what stands between `\Q` and `\E` escaped.
fn unquoted(regex: &str) -> String {
    let mut text = String::new();
    let mut chars = regex.char_indices();
    while let Some((at, char)) = chars.next() {
        let rest = &regex[at..];
        if let Some(quoted) = rest.strip_prefix(r"\Q") {
            let (literal, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
            text.push_str(&regex::escape(literal));
            return text + &unquoted(rest);
        }
        text.push(char);
        if char == '\\' {
            text.extend(chars.next().map(|(_, char)| char));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Rewrite;
    use super::*;

    fn renamed(regex: &str, repl: &str, source: &str) -> String {
        let rewrite = Rewrite { regex: regex.to_owned(), repl: repl.to_owned() };
        let rules = Rules::new(&PathOptions { rewrite, ..PathOptions::default() }, "a").unwrap();
        String::from_utf8(rules.renamed(source.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn names_are_replaced_as_go_does_it() {
        for (regex, repl, source, wanted) in [
            ("^/nix/store/a", "", "/nix/store/a/bin", "/bin"),
            ("^/nix/store/(a)/(b.n)", "/$2/${1}x$$", "/nix/store/a/bin", "/bin/ax$"),
            ("a", "$1x", "/a", "/"),
            ("a", "$", "/a", "/$"),
            (r"\Qa.b+\E.", "-", "/a.b+c/a.b", "/-/a.b"),
            (r"\\Q", "-", r"/\Q", "/-"),
            (r"\w", "-", "/é", "/é"),
            (r"\141", "-", "/a", "/-"),
            ("x*", "-", "/a", "-/-a-"),
            // Not its own match, in Go either.
            ("^/nix/store/gtk+3", "", "/nix/store/gtk+3/bin", "/nix/store/gtk+3/bin"),
        ] {
            assert_eq!(renamed(regex, repl, source), wanted, "{regex}");
        }
    }

    #[test]
    fn the_last_permission_counts_field_by_field() {
        let perm = |regex: &str, mode: &str, uid, uname: &str| Perm {
            regex: regex.to_owned(),
            mode: mode.to_owned(),
            uid,
            gid: 7,
            uname: uname.to_owned(),
            ..Perm::default()
        };
        let perms =
            vec![perm("/a", "0750", 1, "one"), perm("/b$", "", 2, ""), perm("/c", "4711", 3, "three")];
        let rules = Rules::new(&PathOptions { perms, ..PathOptions::default() }, "a").unwrap();
        let owner = |source: &[u8]| {
            let found = rules.owner(source, &Node::Symlink(b"x".to_vec()));
            (found.mode, found.uid, found.gid, found.uname.to_string(), found.gname.to_string())
        };
        let root = || "root".to_owned();
        assert_eq!(owner(b"/x"), (0o777, 0, 0, root(), root()));
        assert_eq!(owner(b"/a/b"), (0o750, 2, 7, "one".to_owned(), root()));
        assert_eq!(owner(b"/a/c"), (0o4711, 3, 7, "three".to_owned(), root()));
    }

    #[test]
    fn what_no_header_holds_is_refused() {
        for (mode, uname) in [("0o755", ""), ("-1", ""), ("8", ""), ("12345670", ""), ("", "a\0b")] {
            let perm = Perm { mode: mode.to_owned(), uname: uname.to_owned(), ..Perm::default() };
            let options = PathOptions { perms: vec![perm], ..PathOptions::default() };
            let error = Rules::new(&options, "/nix/store/a").unwrap_err();
            assert!(matches!(error, LayerError::Perm { .. }), "{error}");
        }
        let error = compile("(", "/nix/store/a").unwrap_err();
        assert!(error.to_string().contains("`(` among the options of /nix/store/a"), "{error}");
    }
}
