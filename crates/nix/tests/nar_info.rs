//! `.narinfo` texts: what Nix writes, what it tolerates, and what is refused.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use snowbank_nix::{
    hash::NarHash,
    nar_info::{
        Compression, LineProblem, MAX_REFERENCES, MAX_SIGNATURES, MAX_TEXT, MAX_URL, NarInfo, NarInfoError,
    },
    path_info::PathInfo,
    signature::SecretKey,
    store_path::{StoreDir, StorePath},
};

const TEXT: &str = "\
StorePath: /nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-myfile
URL: nar/0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73.nar.zst
Compression: zstd
FileHash: sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73
FileSize: 96
NarHash: sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib
NarSize: 128
References: 00000000000000000000000000000000-a xv2iccirbrvklck36f1g7vldn5v58vck-myfile
Deriver: 11111111111111111111111111111111-a.drv
CA: fixed:r:sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib
";

/// The least that Nix 2.8 accepts.
const LEAST: &str = "\
StorePath: /nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-myfile
URL: nar/a.nar
NarHash: sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib
NarSize: 128
";

fn parse(text: &str) -> Result<NarInfo, NarInfoError> {
    NarInfo::parse(text, &StoreDir::default())
}

fn problem(text: &str) -> LineProblem {
    match parse(text) {
        Err(NarInfoError::Line { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_is_written_as_it_was_read() {
    let mut read = parse(TEXT).unwrap();
    assert_eq!(read.to_text(&StoreDir::default()), TEXT);
    assert_eq!(read.info.references.len(), 2);
    assert_eq!((read.compression, read.file_size, read.info.nar_size), (Compression::Zstd, Some(96), 128));

    read.info.sign(&StoreDir::default(), &SecretKey::generate("host-1").unwrap());
    assert_eq!(parse(&read.to_text(&StoreDir::default())), Ok(read));
}

#[test]
fn the_least_is_enough() {
    let read = parse(LEAST).unwrap();
    assert_eq!(read.compression, Compression::Bzip2);
    assert_eq!((read.file_hash, read.file_size), (None, None));
    assert!(read.info.references.is_empty() && read.info.signatures.is_empty());
    let written = read.to_text(&StoreDir::default());
    assert!(written.contains("\nReferences: \n"), "{written}");
}

#[test]
fn what_other_caches_write_is_tolerated() {
    let least = parse(LEAST).unwrap();
    for more in [
        "System: x86_64-linux\n",
        "Provenance: a:b: c\n",
        "References: \n",
        "References:  \n",
        "Deriver: unknown-deriver\n",
        "Deriver: \n",
        "Compression: \n",
        "CA: \n",
        "FileSize: 0\n",
    ] {
        assert_eq!(parse(&format!("{LEAST}{more}")).as_ref(), Ok(&least), "{more}");
    }
    let base16 = "FileHash: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";
    assert!(parse(&format!("{LEAST}{base16}")).unwrap().file_hash.is_some());
    for url in ["https://elsewhere.example/a.nar?hash=b", "nar/a-b.nar"] {
        assert_eq!(parse(&LEAST.replace("nar/a.nar", url)).unwrap().url, url);
    }
}

#[test]
fn a_field_that_is_missing_is_named() {
    for name in ["StorePath", "URL", "NarHash", "NarSize"] {
        let rest: String =
            LEAST.lines().filter(|line| !line.starts_with(name)).map(|line| format!("{line}\n")).collect();
        assert_eq!(parse(&rest), Err(NarInfoError::Missing(name)));
    }
    assert_eq!(parse(&LEAST.replace("128", "0")), Err(NarInfoError::Missing("NarSize")));
    assert_eq!(parse(&LEAST.replace("nar/a.nar", "")), Err(NarInfoError::Missing("URL")));
    assert_eq!(parse(""), Err(NarInfoError::Missing("StorePath")));
}

#[test]
fn lines_that_are_none_are_refused_by_number() {
    for line in ["\n", "Name\n", "Name:\n", "Name:value\n", "Name: no line break"] {
        let expected = NarInfoError::Line { number: 5, problem: LineProblem::Form };
        assert_eq!(parse(&format!("{LEAST}{line}")), Err(expected), "{line:?}");
    }
    assert_eq!(problem(&LEAST.replace('\n', "\r")), LineProblem::Form);
}

#[test]
fn fields_that_cannot_be_read_are_refused() {
    use LineProblem::{
        Compression, ContentAddress, Hash, Number, References, Signature, StorePath, Twice, Url,
    };
    let check = |line: &str, wanted: fn(&LineProblem) -> bool| {
        let problem = problem(&format!("{LEAST}{line}\n"));
        assert!(wanted(&problem), "{line}: {problem:?}");
    };
    check("StorePath: /elsewhere/xv2iccirbrvklck36f1g7vldn5v58vck-myfile", |p| matches!(p, StorePath(_)));
    check("StorePath: /nix/store/../xv2iccirbrvklck36f1g7vldn5v58vck-myfile", |p| matches!(p, StorePath(_)));
    check("References: a", |p| matches!(p, StorePath(_)));
    check("References: /nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-myfile", |p| matches!(p, StorePath(_)));
    check("Deriver: a", |p| matches!(p, StorePath(_)));
    check("URL: a\tb", |p| *p == Url);
    check(&format!("URL: {}", "a".repeat(MAX_URL + 1)), |p| *p == Url);
    check("Compression: zip", |p| *p == Compression);
    check("NarHash: md5:d41d8cd98f00b204e9800998ecf8427e", |p| matches!(p, Hash(_)));
    check("FileHash: ", |p| matches!(p, Hash(_)));
    check("NarSize: -1", |p| matches!(p, Number(_)));
    check("NarSize: 18446744073709551616", |p| matches!(p, Number(_)));
    check("FileSize: 0x10", |p| matches!(p, Number(_)));
    check("Sig: a:b", |p| matches!(p, Signature(_)));
    check("CA: sha256:0", |p| matches!(p, ContentAddress(_)));
    let ca = "CA: fixed:md5:3y8bwfr609h3lh9ch0izcqq7fl";
    check(&format!("{ca}\n{ca}"), |p| *p == Twice("CA"));
    let reference = "References: 00000000000000000000000000000000-a";
    check(&format!("{reference}\n{reference}"), |p| *p == Twice("References"));
    let many: String = (0..=MAX_REFERENCES).map(|at| format!(" {at:032}-a")).collect();
    check(&format!("References:{many}"), |p| *p == References);
}

#[test]
fn more_than_the_bounds_is_refused() {
    let signature = SecretKey::generate("k").unwrap().sign(b"");
    let lines = |count: usize| -> String {
        (0..count)
            .map(|at| format!("Sig: k{at}{}\n", signature.to_string().trim_start_matches('k')))
            .collect()
    };
    let all = lines(MAX_SIGNATURES);
    assert_eq!(parse(&format!("{LEAST}{all}")).unwrap().info.signatures.len(), MAX_SIGNATURES);
    assert_eq!(problem(&format!("{LEAST}{}", lines(MAX_SIGNATURES + 1))), LineProblem::Signatures);
    assert_eq!(parse(&" ".repeat(MAX_TEXT + 1)), Err(NarInfoError::TooLong(MAX_TEXT + 1)));
}

prop_compose! {
    fn paths()(names in prop::collection::btree_set("[0-9a-df-np-sv-z]{32}-[a-zA-Z0-9+_?=]{1,20}", 0..6))
        -> BTreeSet<StorePath> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }
}

prop_compose! {
    fn nar_infos()(
        path in "[0-9a-df-np-sv-z]{32}-[a-z]{1,9}",
        hash: [u8; 32],
        nar_size in 1u64..,
        references in paths(),
        deriver in prop::option::of("[0-9a-d]{32}-[a-z]{1,9}"),
        url in "[!-~]{1,60}",
        file_size in prop::option::of(1u64..),
        flat: bool,
    ) -> NarInfo {
        let nar_hash = NarHash::from_bytes(hash);
        let ca = flat.then(|| format!("fixed:{nar_hash}").parse().unwrap());
        let deriver = deriver.map(|deriver| deriver.parse().unwrap());
        let path = path.parse().unwrap();
        let signatures = BTreeSet::new();
        NarInfo {
            info: PathInfo { path, nar_hash, nar_size, references, deriver, signatures, ca },
            url,
            compression: Compression::Xz,
            file_hash: flat.then(|| nar_hash.into()),
            file_size,
        }
    }
}

proptest! {
    #[test]
    fn any_info_comes_back(info in nar_infos()) {
        prop_assert_eq!(parse(&info.to_text(&StoreDir::default())), Ok(info));
    }

    #[test]
    fn damaged_texts_never_panic(at in 0..TEXT.len(), with in "\\PC{0,3}|\n") {
        let _ = parse(&format!("{}{with}{}", &TEXT[..at], &TEXT[at + 1..]));
        let _ = parse(&TEXT[..at]);
    }
}
