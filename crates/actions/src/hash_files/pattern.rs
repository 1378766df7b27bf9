//! One line of patterns.

use std::path::{Path, PathBuf};

use super::HashFilesError;
use super::segment::{Segment, literal};

/// What a path may be to match: a directory, a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) directory: bool,
    pub(super) file: bool,
}

/// A pattern with an absolute path.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) negated: bool,
    directories_only: bool,
    implicit: bool,
    segments: Vec<Segment>,
    /// Where its search begins: its path up to the first glob.
    pub(super) root: PathBuf,
}

impl Pattern {
    /// Reads a trimmed line that is neither empty nor a comment.
    pub(super) fn parse(line: &str, workspace: &str, home: Option<&str>) -> Result<Self, HashFilesError> {
        let bad = |why| HashFilesError::Pattern { pattern: line.to_owned(), why };
        let (mut text, mut negated) = (line, false);
        while let Some(rest) = text.strip_prefix('!') {
            (text, negated) = (trim(rest), !negated);
        }
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        let mut text = single_slashes(text);
        let relative = !text.starts_with('/');
        let parts = text.trim_end_matches('/').split('/').enumerate();
        if parts
            .map(|(at, part)| (at, literal(part)))
            .any(|(at, part)| part == ".." || part == "." && !(at == 0 && relative))
        {
            return Err(bad("`.` and `..` are not allowed within it"));
        }
        if text == "." || text.starts_with("./") {
            text = escape(workspace) + &text[1..];
        } else if text == "~" || text.starts_with("~/") {
            let home = home.ok_or_else(|| bad("there is no home directory"))?;
            text = escape(home) + &text[1..];
        } else if relative {
            text = format!("{}/{text}", escape(workspace).trim_end_matches('/'));
        }
        let text = single_slashes(&text);
        let trimmed = if text == "/" { &text } else { text.strip_suffix('/').unwrap_or(&text) };
        let segments = trimmed.split('/').map(Segment::parse).collect();
        let literals = trimmed.split('/').skip(1).map(literal).take_while(|part| !part.is_empty());
        let mut root = PathBuf::from("/");
        root.extend(literals);
        Ok(Self { negated, directories_only: text.ends_with('/'), implicit: false, segments, root })
    }

    /// The pattern of all that is below what this one matches, unless this one says so itself.
    pub(super) fn below(&self) -> Option<Self> {
        let own = !self.directories_only && self.segments.last() == Some(&Segment::Any);
        (!own).then(|| {
            let mut below = Self { directories_only: false, implicit: true, ..self.clone() };
            if self.root == Path::new("/")
                && self.segments.len() == 2
                && self.segments[1] == Segment::parse("")
            {
                below.segments.pop();
            }
            below.segments.push(Segment::Any);
            below
        })
    }

    /// What a path with these names (the first of them empty, for the root) is to it.
    pub(super) fn matches(&self, names: &[Vec<u16>]) -> Kinds {
        // A directory is below itself, but only where the pattern says `**` in so many words.
        let itself = self.segments.last() == Some(&Segment::Any) && !self.implicit;
        let mut states = self.run(names);
        if itself && !names.last().is_some_and(Vec::is_empty) {
            states = self.step(&states, &[]);
        }
        if states.last() != Some(&true) {
            return Kinds::default();
        }
        Kinds { directory: true, file: !self.directories_only }
    }

    /// Whether something below such a path may match.
    pub(super) fn may_match_below(&self, names: &[Vec<u16>]) -> bool {
        self.run(names).contains(&true)
    }

    /// Which beginnings of the pattern the names can be, by their length.
    fn run(&self, names: &[Vec<u16>]) -> Vec<bool> {
        let mut states = vec![false; self.segments.len() + 1];
        states[0] = true;
        for name in names {
            states = self.step(&states, name);
        }
        states
    }

    fn step(&self, states: &[bool], name: &[u16]) -> Vec<bool> {
        let mut next = vec![false; states.len()];
        let mut here = states.to_vec();
        for (at, segment) in self.segments.iter().enumerate() {
            if !here[at] {
                continue;
            }
            let last = at + 1 == self.segments.len();
            if *segment == Segment::Any {
                next[at] = true;
                // None of its names, unless it is the last: that one wants at least one.
                if last { next[at + 1] = true } else { here[at + 1] = true }
            } else if segment.matches(name) {
                next[at + 1] = true;
            }
        }
        next
    }
}

/// As JavaScript trims.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

fn single_slashes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '/' || !clean.ends_with('/') {
            clean.push(c);
        }
    }
    clean
}

/// A path written as a pattern that matches it alone.
fn escape(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '[' | '?' | '*' => text.extend(['[', c, ']']),
            c => text.push(c),
        }
    }
    text
}
