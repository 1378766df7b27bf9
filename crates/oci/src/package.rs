//! What a store path's name says of the package in it.

use snowbank_nix::path_info::PathInfo;

/// Names of outputs that nixpkgs' builders use, other than `out`, which never stands in a name.
const OUTPUTS: [&str; 13] = [
    "bin", "data", "debug", "dev", "devdoc", "devman", "dist", "doc", "info", "lib", "man", "static", "tests",
];

/// What a store path's name says of the package in it.
///
/// The name ends before the first dash that no letter follows, and the version begins behind it: Nix's rule
/// (`builtins.parseDrvName`). Nix appends `-OUTPUT` for every output but `out`, which that rule takes for a part of the
/// version, or, where there is no version, of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package<'a> {
    /// The name, without the version.
    pub name: &'a str,
    /// The version, without the output; empty where there is none.
    pub version: &'a str,
    /// The output; none for `out`.
    pub output: Option<&'a str>,
}

impl<'a> Package<'a> {
    /// Reads the name of a store path. A version that ends as the output of a package usually is called is taken to end
    /// before it.
    #[must_use]
    pub fn of_name(text: &'a str) -> Self {
        let (name, version) = split(text);
        match version.rsplit_once('-') {
            Some((version, output)) if OUTPUTS.contains(&output) => {
                Self { name, version, output: Some(output) }
            }
            _ => Self { name, version, output: None },
        }
    }

    /// Reads the name of a store path whose derivation may be known: its name is the path's without the output, so that
    /// nothing is guessed.
    #[must_use]
    pub fn of(info: &'a PathInfo) -> Self {
        let text = info.path.name();
        let Some(derivation) = info.deriver.as_ref().and_then(|path| path.name().strip_suffix(".drv")) else {
            return Self::of_name(text);
        };
        let output = match text.strip_prefix(derivation) {
            Some("") => None,
            Some(rest) if rest.len() > 1 && rest.starts_with('-') => Some(&rest[1..]),
            // A fixed output may be called otherwise than its derivation.
            _ => return Self::of_name(text),
        };
        let (name, version) = split(&text[..derivation.len()]);
        Self { name, version, output }
    }
}

fn split(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let dash = bytes.windows(2).position(|two| two[0] == b'-' && !two[1].is_ascii_alphabetic());
    match dash {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use snowbank_nix::hash::NarHash;

    use super::*;

    #[test]
    fn a_version_begins_where_nix_says() {
        for (text, name, version, output) in [
            ("hello-2.12.1", "hello", "2.12.1", None),
            ("python3.14-pillow-12.0", "python3.14-pillow", "12.0", None),
            ("openssl-3.0.13-bin", "openssl", "3.0.13", Some("bin")),
            ("source", "source", "", None),
            ("perl5.38.2-Encode-Locale-1.05", "perl5.38.2-Encode-Locale", "1.05", None),
            ("glibc-2.38-44", "glibc", "2.38-44", None),
            ("a-", "a-", "", None),
            ("a--b", "a", "-b", None),
            ("x-unstable-2024-01-02", "x-unstable", "2024-01-02", None),
            ("cuda_nvcc-dev", "cuda_nvcc-dev", "", None),
        ] {
            assert_eq!(Package::of_name(text), Package { name, version, output }, "{text}");
        }
    }

    #[test]
    fn a_derivation_tells_the_output() {
        let digits = "0".repeat(32);
        let of = |name: &str, deriver: Option<&str>| PathInfo {
            path: format!("{digits}-{name}").parse().unwrap(),
            nar_hash: NarHash::of(b""),
            nar_size: 0,
            references: BTreeSet::new(),
            deriver: deriver.map(|name| format!("{digits}-{name}.drv").parse().unwrap()),
            signatures: BTreeSet::new(),
            ca: None,
        };
        for (name, deriver, wanted) in [
            ("gcc-13.2.0-lib", Some("gcc-13.2.0"), ("gcc", "13.2.0", Some("lib"))),
            ("gcc-13.2.0-libgcc", Some("gcc-13.2.0"), ("gcc", "13.2.0", Some("libgcc"))),
            ("gcc-13.2.0-libgcc", None, ("gcc", "13.2.0-libgcc", None)),
            ("a-1-doc", Some("a-1-doc"), ("a", "1-doc", None)),
            ("tool-dev", Some("tool"), ("tool", "", Some("dev"))),
            ("source", Some("fetch-1"), ("source", "", None)),
            ("a-1-", Some("a-1"), ("a", "1-", None)),
        ] {
            let info = of(name, deriver);
            let package = Package::of(&info);
            assert_eq!((package.name, package.version, package.output), wanted, "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[a-z0-9.+_=?-]{1,20}") {
            let package = Package::of_name(&text);
            let mut again = package.name.to_owned();
            let output = package.output.map(|output| format!("-{output}")).unwrap_or_default();
            if package.name.len() < text.len() {
                again += &format!("-{}{output}", package.version);
            }
            prop_assert_eq!(again, text);
        }
    }
}
