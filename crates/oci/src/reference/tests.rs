use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Reference {
    Reference::parse(text).unwrap().reference
}

#[test]
fn a_whole_reference_has_its_parts() {
    let digest = Digest::of(b"x");
    let text = format!("ghcr.io:444/owner/some-image__2:v1.0@{digest}");
    let reference = read(&format!("docker://{text}"));
    assert_eq!(reference.host(), "ghcr.io:444");
    assert_eq!(reference.repository(), "owner/some-image__2");
    assert_eq!(reference.tag(), Some("v1.0"));
    assert_eq!(reference.what(), digest.to_string());
    assert_eq!(reference.to_string(), text);
}

#[test]
fn docker_is_meant_where_no_host_is_named() {
    let reference = read("nginx");
    assert_eq!((reference.host(), reference.repository()), ("docker.io", "library/nginx"));
    assert_eq!(reference.api_host(), "registry-1.docker.io");
    assert_eq!(reference.what(), "latest");
    assert_eq!(read("owner/image:x").name(), "docker.io/owner/image");
    assert_eq!(read("index.docker.io/a").name(), "docker.io/library/a");
    assert_eq!(read("localhost/a").host(), "localhost");
}

#[test]
fn a_repository_is_made_lower_case_and_that_is_said() {
    let parsed = Reference::parse("ghcr.io/Owner/Image:Tag").unwrap();
    assert!(parsed.lowered);
    assert_eq!(parsed.reference.to_string(), "ghcr.io/owner/image:Tag");
    assert!(!Reference::parse("GHCR.io/owner/image").unwrap().lowered);
}

#[test]
fn this_machine_is_known() {
    for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"] {
        assert!(read(&format!("{host}/a")).is_loopback(), "{host}");
    }
    for host in ["ghcr.io", "128.0.0.1:80", "localhost.example.org", "[::2]:5000"] {
        assert!(!read(&format!("{host}/a")).is_loopback(), "{host}");
    }
}

#[test]
fn what_breaks_the_rules_is_refused() {
    use ReferenceError::{Digest, Host, Length, Repository, Tag};
    let long = "a/".repeat(130);
    for (text, wanted) in [
        ("", Length),
        ("docker://", Length),
        ("a..b", Repository("a..b".into())),
        ("ghcr.io/", Repository(String::new())),
        ("ghcr.io/a//b", Repository("a//b".into())),
        ("ghcr.io/-a", Repository("-a".into())),
        ("ghcr.io/a___b", Repository("a___b".into())),
        ("ghcr.io/a b", Repository("a b".into())),
        ("https://ghcr.io/a", Host("https:".into())),
        ("ghcr.io:70000/a", Host("ghcr.io:70000".into())),
        ("user@ghcr.io/a", Digest(DigestError)),
        ("ghcr.io/a:", Tag(String::new())),
        ("ghcr.io/a:.b", Tag(".b".into())),
        ("ghcr.io/a@sha256:00", Digest(DigestError)),
        (&format!("ghcr.io/{long}b"), Repository(format!("{long}b"))),
    ] {
        assert_eq!(Reference::parse(text), Err(wanted), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(text in "[a-zA-Z0-9.:/_@\\[\\]-]{1,60}") {
        if let Ok(parsed) = Reference::parse(&text) {
            let printed = parsed.reference.to_string();
            let again = Reference::parse(&printed).unwrap();
            prop_assert_eq!(again, Parsed { lowered: false, ..parsed });
        }
    }

    #[test]
    fn nothing_that_is_read_panics(text in any::<String>()) {
        let _ = Reference::parse(&text);
    }
}
