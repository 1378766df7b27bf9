//! Lists of what is in an image, attached to it.

use serde_json::Value;
use snowbank_testkit::docker_registry::{Access, DockerRegistry};
use snowbank_testkit::registry::{Modes, StandIn};

use crate::kit::{Pulled, closure, json, names, push, pushed, said, skopeo};

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn raw(image: &str) -> Value {
    read(&skopeo(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{image}")]))
}

fn outcomes(told: &Value) -> Vec<&str> {
    let referrers = told["referrers"].as_array().unwrap_or_else(|| panic!("{told}"));
    referrers.iter().map(|one| one["outcome"].as_str().unwrap()).collect()
}

#[test]
fn skopeo_finds_them_at_debian_s_registry_and_nothing_is_sent_twice() {
    let registry = DockerRegistry::start(Access::Open);
    let made = closure(61);
    let (name, kinds) =
        (format!("{}/a/app", registry.host()), ["application/spdx+json", "application/vnd.cyclonedx+json"]);
    let arguments = ["--sbom", "cyclonedx,spdx", made.top(), &format!("{name}:v1")];
    let told = pushed(made.root(), &arguments);
    assert_eq!(outcomes(&told), ["uploaded"; 2]);
    let digest = told["digest"].as_str().unwrap();
    let index = raw(&format!("{name}:{}", digest.replace(':', "-")));
    for (at, kind) in kinds.iter().enumerate() {
        let referrer = &told["referrers"][at];
        assert_eq!((&referrer["type"], &referrer["subject"]), (&Value::from(*kind), &Value::from(digest)));
        let listed = &index["manifests"][at];
        assert_eq!((&listed["artifactType"], &listed["digest"]), (&referrer["type"], &referrer["digest"]));
        assert_eq!(listed["size"], referrer["size"]);
        let manifest = raw(&format!("{name}@{}", listed["digest"].as_str().unwrap()));
        assert_eq!(
            (&manifest["subject"]["digest"], &manifest["layers"][0]["mediaType"]),
            (&Value::from(digest), &listed["artifactType"])
        );
        let document = fetch(registry.host(), "a/app", manifest["layers"][0]["digest"].as_str().unwrap());
        assert!(made.paths().iter().all(|path| document.contains(path)), "{document}");
    }
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(2));

    let plain = pushed(made.root(), &arguments[2..]);
    let again = pushed(made.root(), &arguments);
    assert_eq!((outcomes(&again), &again["sent"]), (vec!["exists"; 2], &0.into()), "{again}");
    let requests = |told: &Value| told["requests"].as_u64().unwrap();
    assert!(requests(&again) <= requests(&plain) + 2, "{again}");
}

/// A blob, as any client gets it.
fn fetch(host: &str, name: &str, digest: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("http://{host}/v2/{name}/blobs/{digest}");
    // A client has a provider of its own kind of TLS even where it speaks none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(async { reqwest::get(url).await.unwrap().text().await.unwrap() })
}

#[test]
fn a_folder_keeps_them_beside_the_image() {
    let (made, folder) = (closure(63), tempfile::tempdir().unwrap());
    let to = format!("oci:{}:v1", folder.path().display());
    for outcome in ["uploaded", "exists"] {
        assert_eq!(outcomes(&pushed(made.root(), &["--sbom", "spdx", made.top(), &to])), [outcome]);
    }
    let index = read(&std::fs::read_to_string(folder.path().join("index.json")).unwrap());
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(2));
    assert_eq!(Pulled::of(&to).names(), names(&made));
}

#[test]
fn an_archive_cannot_hold_them_and_is_not_begun() {
    let (made, folder) = (closure(65), tempfile::tempdir().unwrap());
    let to = format!("docker-archive:{}", folder.path().join("image.tar").display());
    let output = push(made.root(), &["--sbom", "spdx", made.top(), &to]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("SBOM"), "{}", said(&output));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_dry_run_says_what_would_be_attached() {
    let (made, folder) = (closure(67), tempfile::tempdir().unwrap());
    let to = format!("oci:{}:v1", folder.path().display());
    let output = push(made.root(), &["--dry-run", "--sbom", "spdx", made.top(), &to]);
    assert_eq!(outcomes(&json(&output)), ["missing"]);
    assert!(said(&output).contains("would be attached"), "{}", said(&output));
}

#[test]
fn where_it_is_not_taken_the_image_is_there_and_the_error_says_so() {
    let registry = StandIn::start(Modes::default());
    let made = closure(69);
    let to = format!("{}/a/app:v1", registry.host());
    let digest = pushed(made.root(), &[made.top(), &to])["digest"].as_str().unwrap().to_owned();
    // The image's manifest is right, so the next one that comes is the list's.
    let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    registry.change(|modes| modes.vanishing = vec![empty.to_owned()]);
    let output = push(made.root(), &["--sbom", "spdx", made.top(), &to]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains(&digest) && text.contains("its SBOM was not attached"), "{text}");
    assert_eq!(outcomes(&pushed(made.root(), &["--sbom", "spdx", made.top(), &to])), ["uploaded"]);
}
