//! The lines of a `nix.conf` that are ours: for each cache a block between two comments. Everything else in the file may be
//! anything, and stays what it is to the byte.

use std::ops::Range;
use std::path::PathBuf;

use url::Url;

use super::Settings;
use crate::nix_conf::{Line, lines};

const BEFORE: &str = "# snowbank use ";
const BEGIN: &str = ": begin";
const END: &str = ": end";

/// The file with the block for a cache: in the place of the one that is there, else at the end.
#[must_use]
pub fn put(file: &[u8], settings: &Settings) -> Vec<u8> {
    let cache = &settings.cache;
    let block = format!("{BEFORE}{cache}{BEGIN}\n{}{BEFORE}{cache}{END}\n", settings.nix_conf());
    edit(file, cache, Some(&block))
}

/// The file without the block for a cache.
#[must_use]
pub fn take(file: &[u8], cache: &Url) -> Vec<u8> {
    edit(file, cache, None)
}

/// The caches that a block begins for.
#[must_use]
pub fn caches(file: &[u8]) -> Vec<Url> {
    let lines = file.split(|&byte| byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
    let begun = lines.filter_map(|line| line.trim_ascii().strip_prefix(BEFORE)?.strip_suffix(BEGIN));
    begun.filter_map(|url| url.parse().ok()).collect()
}

/// The file with logins that the block for a cache names.
#[must_use]
pub fn netrc_file(file: &[u8], cache: &Url) -> Option<PathBuf> {
    let text = String::from_utf8_lossy(&file[blocks(file, cache).into_iter().next()?]).into_owned();
    let named = lines(&text).filter_map(|(_, line)| match line {
        Ok(Line::Setting { name: "netrc-file", words }) => Some(words.join(" ").into()),
        _ => None,
    });
    named.last()
}

fn edit(file: &[u8], cache: &Url, block: Option<&str>) -> Vec<u8> {
    let mut block = block.unwrap_or_default().as_bytes();
    let mut edited = Vec::with_capacity(file.len() + block.len() + 1);
    // A file that did not end with a line break does not from now on either: that is how taking the block away gives
    // back the same bytes.
    let bare = !file.is_empty() && !file.ends_with(b"\n");
    let mut ours_last = false;
    let mut at = 0;
    for span in blocks(file, cache) {
        edited.extend_from_slice(&file[at..span.start]);
        edited.extend_from_slice(std::mem::take(&mut block));
        at = span.end;
        ours_last = at == file.len();
    }
    edited.extend_from_slice(&file[at..]);
    if !block.is_empty() {
        if bare {
            edited.push(b'\n');
        }
        edited.extend_from_slice(block);
        ours_last = true;
    }
    if bare && ours_last && edited.ends_with(b"\n") {
        edited.pop();
    }
    edited
}

/// Where blocks for a cache are, whole lines. A beginning without an end is none, so that nothing between it and the next
/// block counts as ours; of blocks within each other the outermost is one.
fn blocks(file: &[u8], cache: &Url) -> Vec<Range<usize>> {
    let (begin, end) = (format!("{BEFORE}{cache}{BEGIN}"), format!("{BEFORE}{cache}{END}"));
    let mut begun: Vec<usize> = Vec::new();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for line in file.split_inclusive(|&byte| byte == b'\n') {
        let text = line.trim_ascii();
        if text == begin.as_bytes() {
            begun.push(at);
        }
        at += line.len();
        if text == end.as_bytes()
            && let Some(start) = begun.pop()
        {
            while found.last().is_some_and(|inner| inner.start > start) {
                found.pop();
            }
            found.push(start..at);
        }
    }
    found
}
