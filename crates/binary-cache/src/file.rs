//! Which file of a cache a path names.

use std::fmt;

use snowbank_nix::hash::NarHash;

use crate::NarName;
use crate::name;

/// Digits of a store path's hash part.
const HASH_PART: usize = 32;

/// Bytes of the longest name of a file that is pushed.
const LONGEST: usize = 512;

/// The forms of the names of a cache's files, with `{names}` for what differs.
pub const FORMS: [&str; 8] = [
    "nix-cache-info",
    "{hash}.narinfo",
    "{hash}.ls",
    "nar/{file}",
    "log/{derivation}",
    "realisations/{output}.doi",
    "build-trace-v2/{derivation}/{output}.doi",
    "debuginfo/{build_id}",
];

/// A file of a cache. Source: Nix's `binary-cache-store.cc`; for old shapes of NARs' URLs the servers that made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    /// `nix-cache-info`.
    About,
    /// `<hash part>.narinfo`.
    Info(String),
    /// `<hash part>.ls`: what is in the path's NAR.
    Listing(String),
    /// A NAR as a row of zstd frames, `nar/<its hash>.nar.zst`. While one is being pushed, it is the hash of the file.
    Nar(NarName),
    /// A NAR that is not compressed.
    Plain(Plain),
    /// Another file below `nar/`: one that is being pushed.
    Pushed(String),
    /// A file that is kept as it came: a log, a realisation, debug information.
    Kept(Kept),
}

/// A NAR that is not compressed, by what URLs of other servers say of it. Nix remembers an info for thirty days, and
/// with it where the server said that the NAR is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// `nar/<hash part>.nar` (attic).
    Path(String),
    /// `nar/<hash>.nar` (what nix pushes without compression), also with `?hash=<hash part>` (harmonia).
    Content(NarHash),
    /// `nar/<hash part>-<hash>.nar` (nix-serve).
    Both(String, NarHash),
}

/// The name that it goes by.
impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(hash_part) => write!(f, "{hash_part}.nar"),
            Self::Content(hash) => write!(f, "{}.nar", name::digits(hash)),
            Self::Both(hash_part, hash) => write!(f, "{hash_part}-{}.nar", name::digits(hash)),
        }
    }
}

/// A file that is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it is, from the cache's root on.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What a file is that is kept as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A build's log: `log/<derivation>`.
    Log,
    /// What a derivation's output is: `realisations/<hash>!<output>.doi`, and from Nix 2.35 on
    /// `build-trace-v2/<derivation>/<output>.doi`.
    Realisation,
    /// Where a program's debug information is: `debuginfo/<build id>`.
    DebugInfo,
}

impl Kind {
    /// What Nix says of such a file when it pushes one.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Log => "text/plain; charset=utf-8",
            Self::Realisation | Self::DebugInfo => "application/json",
        }
    }
}

impl File {
    /// The file at this path from the cache's root on, percent signs decoded; none when there is none of such a name in
    /// any cache.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        if path == "nix-cache-info" {
            return Some(Self::About);
        }
        let Some((folder, rest)) = path.split_once('/') else {
            let (hash_part, ending) = path.split_once('.')?;
            let hash_part = is_hash_part(hash_part).then(|| hash_part.to_owned())?;
            return match ending {
                "narinfo" => Some(Self::Info(hash_part)),
                "ls" => Some(Self::Listing(hash_part)),
                _ => None,
            };
        };
        match folder {
            "nar" => Self::nar(rest),
            "log" => Self::kept(path, &[rest], Kind::Log),
            "realisations" => Self::kept(path, &[rest], Kind::Realisation),
            "build-trace-v2" => {
                let (derivation, output) = rest.split_once('/')?;
                Self::kept(path, &[derivation, output], Kind::Realisation)
            }
            "debuginfo" => Self::kept(path, &[rest], Kind::DebugInfo),
            _ => None,
        }
    }

    fn nar(file: &str) -> Option<Self> {
        if file.len() > LONGEST {
            return None;
        }
        if let Some(name) = NarName::parse(file) {
            return Some(Self::Nar(name));
        }
        let (stem, ending) = file.split_once('.')?;
        if ending == "nar" {
            if is_hash_part(stem) {
                return Some(Self::Plain(Plain::Path(stem.to_owned())));
            }
            if let Some(hash) = name::hash(stem) {
                return Some(Self::Plain(Plain::Content(hash)));
            }
            let (hash_part, digits) = stem.split_once('-')?;
            let both = || Some(Plain::Both(hash_part.to_owned(), name::hash(digits)?));
            return is_hash_part(hash_part).then(both)?.map(Self::Plain);
        }
        let known = name::hash(stem).is_some() && ending.starts_with("nar.") && is_name(ending);
        known.then(|| Self::Pushed(file.to_owned()))
    }

    fn kept(path: &str, parts: &[&str], kind: Kind) -> Option<Self> {
        let good = path.len() <= LONGEST && parts.iter().all(|part| is_name(part));
        good.then(|| Self::Kept(Kept { name: path.to_owned(), kind }))
    }
}

/// Whether these are the digits with which a store path's name begins.
#[must_use]
pub fn is_hash_part(text: &str) -> bool {
    text.len() == HASH_PART
        && text.bytes().all(|b| b.is_ascii_digit() || (b.is_ascii_lowercase() && !b"eotu".contains(&b)))
}

/// Whether it is one part of a path, of letters that store paths and outputs consist of.
fn is_name(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"+-._?=!^*:".contains(&b);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PART: &str = "xv2iccirbrvklck36f1g7vldn5v58vck";
    const DIGITS: &str = "1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib";

    /// Whether a path is of this form: each name in it stands for something.
    fn has_form(path: &str, form: &str) -> bool {
        let is = |(part, form): (&str, &str)| match form.split_once('{') {
            Some((before, rest)) => {
                let after = rest.split_once('}').unwrap().1;
                part.len() > before.len() + after.len() && part.starts_with(before) && part.ends_with(after)
            }
            None => part == form,
        };
        path.split('/').count() == form.split('/').count() && path.split('/').zip(form.split('/')).all(is)
    }

    #[test]
    fn every_form_is_that_of_a_file() {
        for form in FORMS {
            let path = form
                .replace("nar/{file}", &format!("nar/{DIGITS}.nar"))
                .replace("{hash}", PART)
                .replace(['{', '}'], "");
            assert!(File::parse(&path).is_some(), "{path}");
        }
    }

    #[test]
    fn every_file_of_a_cache_is_known() {
        let hash = name::hash(DIGITS).unwrap();
        let kept = |name: &str, kind| File::Kept(Kept { name: name.into(), kind });
        let trace = format!("build-trace-v2/{PART}-x.drv/out.doi");
        for (path, file) in [
            ("nix-cache-info".into(), File::About),
            (format!("{PART}.narinfo"), File::Info(PART.into())),
            (format!("{PART}.ls"), File::Listing(PART.into())),
            (format!("nar/{DIGITS}.nar.zst"), File::Nar(NarName(hash))),
            (format!("nar/{DIGITS}.nar"), File::Plain(Plain::Content(hash))),
            (format!("nar/{PART}.nar"), File::Plain(Plain::Path(PART.into()))),
            (format!("nar/{PART}-{DIGITS}.nar"), File::Plain(Plain::Both(PART.into(), hash))),
            (format!("nar/{DIGITS}.nar.xz"), File::Pushed(format!("{DIGITS}.nar.xz"))),
            (format!("log/{PART}-x.drv"), kept(&format!("log/{PART}-x.drv"), Kind::Log)),
            (
                "realisations/sha256:ab!out.doi".into(),
                kept("realisations/sha256:ab!out.doi", Kind::Realisation),
            ),
            (trace.clone(), kept(&trace, Kind::Realisation)),
        ] {
            if let File::Plain(plain) = &file {
                assert_eq!(format!("nar/{plain}"), path);
            }
            assert_eq!(File::parse(&path), Some(file), "{path}");
            assert!(FORMS.iter().any(|form| has_form(&path, form)), "{path}");
        }
    }

    #[test]
    fn other_names_are_of_no_file() {
        let long = format!("log/{}", "x".repeat(LONGEST));
        for path in [
            "",
            "/",
            "x",
            "x.narinfo",
            "nar/",
            "nar/x",
            "nar/../nix-cache-info",
            "log/",
            "log/..",
            "log/a/b",
            "log/a b",
            "realisations/.x",
            "build-trace-v2/x",
            "build-trace-v2/../x",
            "other/x",
            &long,
            &format!("nar/{DIGITS}.nar.{}", "x".repeat(LONGEST)),
            &format!("{PART}.narinfo.xz"),
            &format!("nar/{DIGITS}.xz"),
            &format!("nar/{PART}-{PART}.nar"),
        ] {
            assert_eq!(File::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn kept_names_never_leave_their_folder(path in "(log|realisations|debuginfo|build-trace-v2)/[./a\\\\%!\\-]{0,12}") {
            if let Some(File::Kept(kept)) = File::parse(&path) {
                prop_assert!(kept.name.split('/').all(|part| !part.is_empty() && part != "." && part != ".."));
            }
        }
    }
}
