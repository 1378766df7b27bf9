//! Settings of a server, in the example and in the documents: the server takes them.

use std::process::Command;

use snowbank_testkit::tools::repository;

use crate::kit::BINARY;
use crate::yaml::text;

/// What is wrong with settings, if something is.
fn refused(settings: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snowbank.toml");
    std::fs::write(&file, settings).unwrap();
    let output = Command::new(BINARY).args(["config", "show", "--config"]).arg(file).output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_example_is_taken() {
    assert_eq!(refused(&text("server/snowbank.toml")), None);
}

#[test]
fn every_block_of_settings_in_a_document_is_taken() {
    let mut seen = 0;
    for entry in std::fs::read_dir(repository().join("docs")).unwrap() {
        let file = entry.unwrap().path();
        let page = std::fs::read_to_string(&file).unwrap();
        for block in page.split("\n```toml\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()) {
            seen += 1;
            let refused = refused(block);
            assert!(refused.is_none(), "{}:\n{block}\n{}", file.display(), refused.unwrap_or_default());
        }
    }
    assert!(seen > 8, "only {seen} blocks were found");
}
