//! The documents name what there is: the action's inputs and outputs, and each other.

use std::{
    fs,
    path::{Path, PathBuf},
};

use snowbank_testkit::tools::repository;

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents that people read.
fn documents() -> Vec<PathBuf> {
    let documents = fs::read_dir(repository().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    documents
        .chain(
            ["README.md", "CONTRIBUTING.md", "examples/README.md", "examples/developer/README.md"]
                .map(|name| repository().join(name)),
        )
        .collect()
}

/// As GitHub makes a heading the end of a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_input_and_output_of_the_action_is_in_its_reference() {
    let reference = text(&repository().join("docs/action.md"));
    let action = text(&repository().join("action.yml"));
    let names = action.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let names: Vec<_> = names.filter(|name| !name.starts_with(' ')).collect();
    assert!(names.contains(&"key") && names.contains(&"cache-hit"), "{names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !reference.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let content: String = text(&document).split("```").step_by(2).collect();
        for link in content.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, end) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            let leads = target.exists()
                && (end.is_empty()
                    || text(&target).lines().any(|line| line.starts_with('#') && anchor(line) == end));
            if !leads {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
