//! What others' readers make of the lists.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};
use snowbank_oci::config::{History, ImageConfig};
use snowbank_oci::descriptor::Platform;
use snowbank_oci::digest::Digest;
use snowbank_oci::image::{ImagePlan, LayerContent, PlannedLayer};
use snowbank_oci::layer::{LayerPath, LayerSpec, PathOptions};
use snowbank_oci::sbom::{Contents, Format, Image, write};
use snowbank_testkit::tools;

/// Names as Nix has them, with versions and without, and with every character that may stand in one.
const NAMES: [&str; 6] = ["tool-3.1", "gtk+3-3.24-lib", "source", "a_b=c?d", "0.1", "python3.14-pillow-12.0"];

fn path(at: usize) -> StorePath {
    format!("{}-{}", at.to_string().repeat(32), NAMES[at]).parse().unwrap()
}

/// An image of paths each of which refers to all before it; of the last one nothing is known.
fn contents() -> Contents {
    let paths: Vec<StorePath> = (0..NAMES.len()).map(path).collect();
    let spec = paths.iter().map(|path| LayerPath {
        path: path.clone(),
        nar_hash: None,
        options: PathOptions::default(),
        part: None,
    });
    let layer = PlannedLayer {
        name: String::new(),
        content: LayerContent::Paths(LayerSpec { paths: spec.collect() }),
        diff_id: None,
        stored: None,
        history: History::default(),
    };
    let plan = ImagePlan {
        config: ImageConfig::default(),
        layers: vec![layer],
        platform: Platform { architecture: "arm64".to_owned(), os: "linux".to_owned(), variant: None },
        created: Some("2026-01-02T03:04:05.6+01:00".parse().unwrap()),
        annotations: BTreeMap::new(),
    };
    let info = |at: usize| PathInfo {
        path: path(at),
        nar_hash: NarHash::of(NAMES[at].as_bytes()),
        nar_size: 120,
        references: paths[..=at].iter().cloned().collect(),
        deriver: Some(format!("{}.drv", paths[at]).parse().unwrap()),
        signatures: BTreeSet::new(),
        ca: None,
    };
    let infos = (0..NAMES.len() - 1).map(|at| (path(at), info(at))).collect();
    Contents::of(&plan, &infos, &StoreDir::default())
}

/// Has a script read the document in both forms that an image has: one of a registry and one of a folder.
fn read_by(format: Format, script: &str) {
    tools::ensure("sbom");
    for repository in [Some("localhost:5000/owner/app".to_owned()), None] {
        let image = Image { repository, manifest: Digest::of(b"manifest") };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("document.json");
        std::fs::write(&file, write(format, &contents(), &image).unwrap()).unwrap();
        let python = tools::folder().join("venv/bin/python");
        let output = Command::new(python).args(["-c", script]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn spdx_s_own_tools_find_nothing_wrong() {
    // Its parser holds the document to the types of the specification, its validator to the rest.
    read_by(
        Format::Spdx,
        "
import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
document = parse_file(sys.argv[1])
wrong = [message.validation_message for message in validate_full_spdx_document(document)]
assert not wrong, wrong
assert len(document.packages) == 7 and len(document.relationships) == 1 + 6 + 10
",
    );
}

#[test]
fn cyclonedx_s_schema_holds() {
    read_by(
        Format::CycloneDx,
        "
import sys
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
import json
text = open(sys.argv[1]).read()
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
assert wrong is None, wrong
bom = Bom.from_json(json.loads(text))
assert len(bom.components) == 6 and bom.validate()
",
    );
}
