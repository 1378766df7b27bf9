use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::config::Healthcheck;
use crate::layer::Perm;

const PLAIN: &str = include_str!("../../tests/image_json/plain.json");
const OPTIONS: &str = include_str!("../../tests/image_json/options.json");
const FROM_IMAGE: &str = include_str!("../../tests/image_json/from-image.json");
const NEWER: &str = include_str!("../../tests/image_json/newer.json");

fn parse(text: &str) -> Result<ImageJson, ImageJsonError> {
    ImageJson::parse(text.as_bytes(), &StoreDir::default())
}

/// An error and its causes, as people are told.
fn told(text: &str) -> String {
    let error = parse(text).unwrap_err();
    let mut told = error.to_string();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        told = format!("{told}: {next}");
        cause = next;
    }
    told
}

fn spec(layer: &JsonLayer) -> &LayerSpec {
    match &layer.content {
        JsonContent::Paths(spec) => spec,
        JsonContent::File(file) => panic!("{file:?} is no layer of paths"),
    }
}

#[test]
fn a_plain_image_is_read() {
    let image = parse(PLAIN).unwrap();
    assert_eq!(image.warnings, Vec::<String>::new());
    assert_eq!(image.config.env, ["PATH=/bin"]);
    assert_eq!(image.architecture.as_deref(), Some("amd64"));
    assert_eq!(image.created.unwrap().as_str(), "0001-01-01T00:00:00Z");
    let [layer] = &image.layers[..] else { panic!("one layer") };
    assert_eq!((layer.size, layer.diff_id), (3072, layer.digest));
    assert_eq!(layer.media_type, media_type::LAYER);
    assert_eq!(layer.history.created_by, "nix2container");
    let names: Vec<_> = spec(layer).paths.iter().map(|path| path.path.name()).collect();
    assert_eq!(names, ["hello-2.12.1", "glibc-2.40-66"]);
    assert!(
        spec(layer)
            .paths
            .iter()
            .all(|path| path.nar_hash.is_none() && path.options == PathOptions::default())
    );
}

#[test]
fn options_and_any_letter_case_are_read() {
    let image = parse(OPTIONS).unwrap();
    assert_eq!(image.warnings, Vec::<String>::new());
    let healthcheck = Healthcheck {
        test: vec!["CMD".to_owned(), "true".to_owned()],
        interval: 30_000_000_000,
        ..Healthcheck::default()
    };
    let expected = ImageConfig {
        entrypoint: vec!["/bin/app".to_owned()],
        working_dir: "/app".to_owned(),
        exposed_ports: BTreeSet::from(["80/tcp".to_owned()]),
        healthcheck: Some(healthcheck),
        ..ImageConfig::default()
    };
    assert_eq!(image.config, expected);
    assert_eq!(image.created.unwrap().as_str(), "2024-05-01T10:00:00.25Z");
    assert_eq!(image.layers[0].history.author, "us");
    let [root, data] = &spec(&image.layers[0]).paths[..] else { panic!("two paths") };
    assert_eq!(root.options.rewrite.regex, "^/nix/store/h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx-root");
    assert_eq!(root.options.perms[0].mode, "1777");
    assert_eq!((root.options.perms[1].uid, root.options.perms[1].gname.as_str()), (1000, "users"));
    let perm = Perm {
        mode: "0700".to_owned(),
        uid: 1,
        gid: 2,
        uname: "a".to_owned(),
        gname: "b".to_owned(),
        ..Perm::default()
    };
    assert_eq!(data.options, PathOptions { perms: vec![perm], ..PathOptions::default() });
}

#[test]
fn files_are_read_and_equal_layers_once() {
    let image = parse(FROM_IMAGE).unwrap();
    assert_eq!(image.warnings, ["layer 2 of the image JSON is layer 0 again, and is left out"]);
    assert_eq!(image.created, None);
    let [base, stored] = &image.layers[..] else { panic!("two layers") };
    assert_eq!((base.size, base.media_type.as_str()), (0, "application/vnd.oci.image.layer.v1.tar+gzip"));
    assert_ne!(base.digest, base.diff_id);
    let inside = |layer: &JsonLayer| match &layer.content {
        JsonContent::File(file) => split_store_file(&StoreDir::default(), file).unwrap().1,
        JsonContent::Paths(_) => panic!("a file"),
    };
    assert_eq!(inside(base).to_str(), Some(base.digest.hex().as_str()));
    assert_eq!(inside(stored).to_str(), Some(format!("{}.tar", stored.digest.hex()).as_str()));
}

#[test]
fn what_is_not_known_is_told() {
    let image = parse(NEWER).unwrap();
    let names = ["signature", "zstd", "narHash", "flags", "who", "Memory"];
    assert_eq!(image.warnings.len(), names.len(), "{:?}", image.warnings);
    for (line, name) in image.warnings.iter().zip(names) {
        assert!(line.contains(&format!("{name:?}")), "{line}");
    }
    let options = &spec(&image.layers[0]).paths[0].options;
    assert_eq!((options.ignore_destination.as_str(), options.perms[0].or_mode.as_str()), ("^/tmp", "0200"));
}

#[test]
fn errors_name_the_layer_and_the_field() {
    for (from, to, part) in [
        ("sha256:cc45bd46eca903b0", "sha256:xx", "its field layers[0].digest is not valid: a digest is"),
        ("\"size\": 3072", "\"size\": -1", "its field layers[0].size is not valid"),
        ("\"paths\": [", "\"paths\": [7, ", "its field layers[0].paths[0] is not valid"),
        ("nix2container\"", "\u{1}\"", "its field layers[0].History.created_by is not valid"),
        ("\"arch\": \"amd64\"", "\"arch\": [1]", "its field arch is not valid"),
        ("0001-01-01T", "0001-01-32T", "its field created is not valid"),
        ("\"PATH=/bin\"", "1", "its field image-config.Env[0] is not valid"),
        ("\"version\": 1", "\"version\": 2", "a newer release of snowbank"),
        ("/nix/store/n32", "/gnu/store/n32", "layers[0].paths[1] of the image JSON, \"/gnu/store/n32"),
        ("\"layers\"", "\"laiers\"", "missing field `layers`"),
        (".v1.tar", ".v1.tar+gzip", "layers[0] of the image JSON is made of store paths"),
    ] {
        assert!(PLAIN.contains(from));
        let told = told(&PLAIN.replacen(from, to, 1));
        assert!(told.contains(part), "{told}");
    }
    for text in ["", "[]", "{}", "null", "{\"layers\":"] {
        assert!(parse(text).is_err(), "{text}");
    }
    let relative = FROM_IMAGE.replacen("\"/nix/store", "\"nix/store", 1);
    assert!(told(&relative).contains("layers[0].layer-path"));
}

#[test]
fn another_version_is_read_with_a_warning() {
    for to in ["\"version\": 0", "\"Version\": null"] {
        assert_eq!(parse(&PLAIN.replacen("\"version\": 1", to, 1)).unwrap().warnings.len(), 1, "{to}");
    }
}

#[test]
fn bounds_hold() {
    let digest = |number: usize| Digest::of(&number.to_le_bytes());
    let image = |layers: usize, paths: usize| {
        let path = r#"{"path":"/nix/store/h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx-a"}"#;
        let paths = vec![path; paths].join(",");
        let layers: Vec<_> = (0..layers)
            .map(|number| {
                let paths = if number == 0 { paths.as_str() } else { "" };
                format!(r#"{{"digest":"{0}","diff_ids":"{0}","paths":[{paths}]}}"#, digest(number))
            })
            .collect();
        parse(&format!(r#"{{"version":1,"image-config":{{}},"layers":[{}]}}"#, layers.join(",")))
    };
    assert!(image(MOST_LAYERS, 2).is_ok());
    assert!(matches!(image(MOST_LAYERS + 1, 2), Err(ImageJsonError::Layers(_))));
    assert!(image(1, MOST_PATHS).is_ok());
    assert!(matches!(image(1, MOST_PATHS + 1), Err(ImageJsonError::Paths(_))));
}

/// Changes the letters of all names whose case means nothing; ports have names of their own.
fn in_other_letters(value: &mut serde_json::Value, upper: &mut impl Iterator<Item = bool>) {
    match value {
        serde_json::Value::Array(list) => list.iter_mut().for_each(|one| in_other_letters(one, upper)),
        serde_json::Value::Object(map) => {
            let mut change = |letter: char| match upper.next() {
                Some(true) => letter.to_ascii_uppercase(),
                _ => letter.to_ascii_lowercase(),
            };
            if !map.contains_key("80/tcp") {
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(name, value)| (name.chars().map(&mut change).collect(), value))
                    .collect();
            }
            map.values_mut().for_each(|one| in_other_letters(one, upper));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn letter_case_of_names_means_nothing(
        sample in prop::sample::select(vec![PLAIN, OPTIONS, FROM_IMAGE]),
        upper in proptest::collection::vec(any::<bool>(), 400),
    ) {
        let mut value = serde_json::from_str(sample).unwrap();
        in_other_letters(&mut value, &mut upper.into_iter().cycle());
        prop_assert_eq!(parse(&value.to_string()).unwrap(), parse(sample).unwrap());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(ImageJson::parse(&bytes, &StoreDir::default()));
    }

    #[test]
    fn a_damaged_image_is_read_or_refused(
        sample in prop::sample::select(vec![PLAIN, OPTIONS, FROM_IMAGE, NEWER]),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = sample.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(image) = ImageJson::parse(&bytes, &StoreDir::default()) {
            let digests: BTreeSet<_> = image.layers.iter().map(|layer| layer.digest).collect();
            prop_assert_eq!(digests.len(), image.layers.len());
        }
    }
}
