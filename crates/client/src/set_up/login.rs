//! The login for a server in a netrc file. Other servers' logins, comments and macros stay what they are.

use std::ops::Range;

use url::{Host, Url};

use crate::nix_conf::words;

/// The user's name in our logins; servers heed the password alone.
pub const USER: &str = "snowbank";

/// Bytes of the longest token: curl reads no longer line, and Nix reads the file by it.
pub const MAX_TOKEN: usize = 3500;

/// Why there is no login for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Nothing, too much, or what would be read as something else.
    #[error("it is empty, longer than {MAX_TOKEN} bytes, or has characters that no token has")]
    Token,
    /// The file begins with words that would become a part of it.
    #[error("it begins with a login that belongs to no machine")]
    Stray,
}

/// The name of a server as curl looks for it in the file: without a port and without brackets.
#[must_use]
pub fn machine(cache: &Url) -> Option<String> {
    Some(match cache.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    })
}

/// The file with a login for a server, in the place of all that were there for it. It comes first: behind a `default` it
/// would not be found.
///
/// # Errors
/// When the token cannot be one, or the file cannot be added to.
pub fn put_login(file: &[u8], machine: &str, token: &str) -> Result<Vec<u8>, LoginError> {
    let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || token.is_empty() || token.len() > MAX_TOKEN || token.starts_with(['"', '#']) {
        return Err(LoginError::Token);
    }
    let rest = drop_entries(file, machine, |_| true);
    let first = items(&rest).find(|item| item.kind != Kind::Other);
    if first.is_some_and(|item| item.kind == Kind::Value) {
        return Err(LoginError::Stray);
    }
    let mut edited = format!("machine {machine} login {USER} password {token}\n").into_bytes();
    edited.extend(rest);
    Ok(edited)
}

/// The file without our login for a server; one of another user's name is not ours.
#[must_use]
pub fn take_login(file: &[u8], machine: &str) -> Vec<u8> {
    drop_entries(file, machine, |login| login == Some(USER.as_bytes()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `machine NAME` or `default`: an entry begins.
    Entry,
    /// `login`, `password` or `account`, with a word behind it unless the file ends there.
    Value,
    Other,
}

/// A word of the file, with the one that belongs to it.
struct Item {
    kind: Kind,
    name: Range<usize>,
    value: Option<Range<usize>>,
}

impl Item {
    fn spans(&self) -> impl Iterator<Item = Range<usize>> {
        [Some(self.name.clone()), self.value.clone()].into_iter().flatten()
    }
}

fn items(file: &[u8]) -> impl Iterator<Item = Item> {
    let mut words = words(file).into_iter();
    std::iter::from_fn(move || {
        let name = words.next()?;
        let kind = match &file[name.clone()] {
            b"machine" | b"default" => Kind::Entry,
            b"login" | b"password" | b"account" => Kind::Value,
            _ => Kind::Other,
        };
        let alone = kind == Kind::Other || &file[name.clone()] == b"default";
        let value = if alone { None } else { words.next() };
        Some(Item { kind, name, value })
    })
}

/// The file without the entries for a server of which `which` says so by the login's name.
fn drop_entries(file: &[u8], machine: &str, which: impl Fn(Option<&[u8]>) -> bool) -> Vec<u8> {
    let mut entries: Vec<Vec<Item>> = vec![Vec::new()];
    for item in items(file) {
        match entries.last_mut() {
            Some(entry) if item.kind != Kind::Entry => entry.push(item),
            _ => entries.push(vec![item]),
        }
    }
    let ours = entries.into_iter().filter(|entry| {
        let value = |item: &Item| item.value.clone().map(|span| &file[span]);
        let named = entry.first().filter(|first| first.kind == Kind::Entry).and_then(value);
        let login =
            entry.iter().filter(|item| file[item.name.clone()] == *b"login").filter_map(value).next_back();
        named.is_some_and(|name| name.eq_ignore_ascii_case(machine.as_bytes())) && which(login)
    });
    let mut spans = Vec::new();
    for item in ours.flatten() {
        // What else stands there may be anybody's, but at the line's beginning it could turn the rest into a comment.
        let dangling = item.kind == Kind::Other
            && !spans.last().is_some_and(|last: &Range<usize>| same_line(file, last.end, item.name.start));
        if !dangling {
            spans.extend(item.spans());
        }
    }
    cut(file, &spans)
}

fn same_line(file: &[u8], from: usize, to: usize) -> bool {
    !file[from..to].contains(&b'\n')
}

/// The file without these words, and without lines in which nothing else stands.
fn cut(file: &[u8], spans: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(file.len());
    let mut spans = spans.iter().peekable();
    let mut start = 0;
    for line in file.split_inclusive(|&byte| byte == b'\n') {
        let end = start + line.len();
        let (before, mut at, mut touched) = (kept.len(), start, false);
        while let Some(span) = spans.next_if(|span| span.start < end) {
            kept.extend_from_slice(&file[at..span.start]);
            let blanks = file[span.end..end].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            (at, touched) = (span.end + blanks, true);
        }
        kept.extend_from_slice(&file[at..end]);
        if touched && kept[before..].trim_ascii().is_empty() {
            kept.truncate(before);
        }
        start = end;
    }
    kept
}
