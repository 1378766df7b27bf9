use std::sync::atomic::Ordering;

use futures::{StreamExt as _, stream};
use snowbank_oci::destination::{Blob, Destination as _, Mounted, Piece, Pieces};
use snowbank_oci::digest::Digest;
use snowbank_oci::registry::{Access as Doing, RegistryOptions};
use snowbank_testkit::docker_registry::{Access, DockerRegistry};
use snowbank_testkit::proxy::{Fault, Faults, Proxy};
use snowbank_testkit::tools;

use crate::pattern::Pattern;
use crate::{as_user, effort, login, manifests, registry};

/// Pushes an image, and has skopeo pull it, who checks every digest.
async fn push_and_pull(access: Access) {
    let peer = DockerRegistry::start(access);
    let login =
        (access != Access::Open).then(|| login(DockerRegistry::USER, DockerRegistry::SECRET)).flatten();
    let repository = as_user(peer.host(), login.clone());
    let (large, small) = (Pattern::new(9 << 20), Pattern::known(70_000));
    let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    assert_eq!(repository.has(&large.digest()).await.unwrap(), None);
    for blob in [&large, &small] {
        repository.put(blob).await.unwrap();
        assert_eq!(repository.has(&blob.digest()).await.unwrap(), Some(blob.size()));
    }
    repository.put(&Known(config)).await.unwrap();
    let image = manifests::image(config, &[(large.digest(), large.size()), small.known().unwrap()]);
    repository.put_manifest(&image, "v1").await.unwrap();
    assert_eq!(repository.resolve("v1").await.unwrap().unwrap().digest, image.digest);
    repository.put_referrer(&repository.resolve("v1").await.unwrap().unwrap(), &image).await.unwrap();

    let other = format!("{}/owner/second", peer.host()).parse().unwrap();
    let options = RegistryOptions { login, effort: effort(), ..RegistryOptions::default() };
    let second = snowbank_oci::registry::Registry::new(&other, options).unwrap();
    let second = second.repository(Doing::Push, &["owner/image".to_owned()]);
    assert_eq!(second.mount(&large.digest(), "owner/image").await.unwrap(), Mounted::Yes);
    assert_eq!(second.mount(&Digest::of(b"nowhere"), "owner/image").await.unwrap(), Mounted::No);
    second.finish().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let mut skopeo = tools::command("skopeo");
    skopeo.args(["--insecure-policy", "copy", "--src-tls-verify=false"]);
    if access != Access::Open {
        skopeo.arg(format!("--src-creds={}:{}", DockerRegistry::USER, DockerRegistry::SECRET));
    }
    skopeo.arg(format!("docker://{}/owner/image:v1", peer.host()));
    skopeo.arg(format!("dir:{}", folder.path().join("out").display()));
    skopeo.env("HOME", folder.path()).env("XDG_RUNTIME_DIR", folder.path());
    let output = tokio::task::spawn_blocking(move || skopeo.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), peer.output());
    for blob in [&large, &small] {
        let pulled = std::fs::read(folder.path().join("out").join(blob.digest().hex())).unwrap();
        assert!(pulled == blob.bytes());
    }
    assert_eq!(peer.count("PATCH"), 1);
}

/// A small blob that is known.
struct Known(&'static [u8]);

impl Blob for Known {
    fn known(&self) -> Option<(Digest, u64)> {
        Some((Digest::of(self.0), self.0.len() as u64))
    }

    fn open(&self, _: u64) -> Pieces {
        let (digest, size) = self.known().unwrap();
        let pieces = [Piece::Data(self.0.into()), Piece::End { digest, size }];
        stream::iter(pieces.map(Ok)).boxed()
    }
}

#[tokio::test]
async fn an_image_goes_to_debian_s_registry_and_comes_back_by_skopeo() {
    push_and_pull(Access::Open).await;
}

#[tokio::test]
async fn with_a_password() {
    push_and_pull(Access::Basic).await;
}

#[tokio::test]
async fn with_tokens() {
    push_and_pull(Access::Token).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let peer = DockerRegistry::start(Access::Token);
    let options =
        RegistryOptions { login: login("user", "wrong"), effort: effort(), ..RegistryOptions::default() };
    let repository = registry(peer.host(), options).repository(Doing::Push, &[]);
    assert!(repository.put(&Pattern::new(10)).await.unwrap_err().hint.is_some());
}

/// A blob before whose second making the line is mended.
struct Mending<'a>(Pattern, &'a Proxy);

impl Blob for Mending<'_> {
    fn known(&self) -> Option<(Digest, u64)> {
        None
    }

    fn open(&self, offset: u64) -> Pieces {
        if self.0.opened.load(Ordering::Relaxed) > 0 {
            self.1.set(Faults::default());
        }
        self.0.open(offset)
    }
}

#[tokio::test]
async fn a_line_that_breaks_does_not_keep_a_layer_from_getting_there() {
    let peer = DockerRegistry::start(Access::Open);
    let proxy = Proxy::before(peer.host().parse().unwrap()).await;
    let up = Fault { cut_after: Some(5 << 20), ..Fault::default() };
    proxy.set(Faults { up, ..Faults::default() });
    let blob = Mending(Pattern::new(9 << 20), &proxy);
    as_user(proxy.url().trim_start_matches("http://"), None).put(&blob).await.unwrap();
    let there = as_user(peer.host(), None).has(&blob.0.digest()).await.unwrap();
    assert_eq!(there, Some(blob.0.size()));
}
