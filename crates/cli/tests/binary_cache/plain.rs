//! What unmodified Nix does.

use snowbank_testkit::closure::{requisites, verify};

use crate::kit::{
    CACHES, Server, ask, closure, curl, empty, good, hash_part, path_info, pull, push, said, size_of,
};

#[test]
fn what_nix_pushes_in_any_compression_nix_pulls_with_signatures_checked() {
    let server = Server::start(CACHES);
    let token = server.token("open:push");
    let (netrc, key) = (server.netrc(&token), server.public_key("open", ""));
    for (seed, compression) in ["none", "xz", "zstd", "gzip", "bzip2", "br", "lz4"].iter().enumerate() {
        let made = closure(10 * seed as u64);
        let url = format!("{}?compression={compression}&write-nar-listing=1", server.url("open"));
        good(&push(made.root(), &url, Some(&netrc), &[made.top()]));
        let store = empty();
        good(&pull(store.path(), &server.url("open"), None, &key, made.top()));
        assert_eq!(requisites(store.path(), made.top()), made.paths(), "{compression}");
        assert_eq!(verify(store.path()), Ok(()), "{compression}");
    }
}

#[test]
fn a_path_keeps_its_signatures_and_gets_the_caches_own() {
    let server = Server::start(CACHES);
    let netrc = server.netrc(&server.token("team:push"));
    let keys = tempfile::tempdir().unwrap();
    let (secret, public) = (keys.path().join("secret"), keys.path().join("public"));
    let mut make = snowbank_testkit::tools::command("nix-store");
    make.args(["--generate-binary-cache-key", "laptop-1"]).arg(&secret).arg(&public);
    good(&make.output().unwrap());
    let made = closure(1);
    let url = format!("{}?secret-key={}", server.url("team"), secret.display());
    good(&push(made.root(), &url, Some(&netrc), &[made.top()]));
    let store = empty();
    let token = server.token("team:pull");
    let key = server.public_key("team", &token);
    good(&pull(store.path(), &server.url("team"), Some(&netrc), &key, made.top()));
    let info = path_info(store.path(), made.top());
    let signatures: Vec<&str> =
        info["signatures"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let names: Vec<&str> = signatures.iter().filter_map(|text| text.split(':').next()).collect();
    assert_eq!(names, ["laptop-1", "team-1"]);
    // Somebody else's key does not do.
    let strangers = server.public_key("open", "");
    let store = empty();
    let refused = pull(store.path(), &server.url("team"), Some(&netrc), &strangers, made.paths()[0].as_str());
    // What is content-addressed needs no signature, and that is all that these stores hold.
    good(&refused);
}

#[test]
fn a_closure_pushed_twice_is_sent_once_and_kept_once_for_an_owner() {
    let server = Server::start(CACHES);
    let made = closure(3);
    let netrc = server.netrc(&server.token("*:push"));
    good(&push(made.root(), &server.url("open"), Some(&netrc), &[made.top()]));
    let disk = || size_of(&server.snowbank.data().join("bucket/packs"));
    let once = disk();
    assert!(once > 1_400_000, "two trees of 700 kB: {once}");
    good(&push(made.root(), &server.url("open"), Some(&netrc), &[made.top()]));
    good(&push(made.root(), &server.url("team"), Some(&netrc), &[made.top()]));
    assert_eq!(disk(), once, "the same owner keeps it once");
    good(&push(made.root(), &server.url("other"), Some(&netrc), &[made.top()]));
    assert!(disk() > once + 1_400_000, "another owner has his own");
}

#[test]
fn nars_come_in_ranges_and_under_the_names_that_other_servers_gave_them() {
    let server = Server::start(CACHES);
    let made = closure(4);
    let netrc = server.netrc(&server.token("open:push"));
    good(&push(made.root(), &server.url("open"), Some(&netrc), &[made.top()]));
    let path = &made.paths().into_iter().find(|path| path.contains("tree-")).unwrap();
    let root = server.url("open");
    let (status, info) = ask("", &[&format!("{root}/{}.narinfo", hash_part(path))]);
    assert_eq!(status, 200, "{info}");
    let line = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let whole = curl("", &[&format!("{root}/{}", line("URL:"))]).stdout;
    assert_eq!(whole.len().to_string(), line("FileSize:"));
    let part = curl("", &["--range", "1000-1999", &format!("{root}/{}", line("URL:"))]).stdout;
    assert!(part == whole[1000..2000]);
    let nar = zstd::decode_all(&whole[..]).unwrap();
    assert_eq!(nar.len().to_string(), line("NarSize:"));
    let digits = line("NarHash:")["sha256:".len()..].to_owned();
    let part = hash_part(path);
    for name in [
        format!("{digits}.nar"),
        format!("{part}.nar"),
        format!("{part}-{digits}.nar"),
        format!("{digits}.nar?hash={part}"),
    ] {
        assert!(curl("", &[&format!("{root}/nar/{name}")]).stdout == nar, "{name}");
        let range = curl("", &["--range", "64-127", &format!("{root}/nar/{name}")]).stdout;
        assert!(range == nar[64..128], "{name}");
    }
    let (status, listing) = ask("", &[&format!("{root}/{part}.ls")]);
    let listing: serde_json::Value = serde_json::from_str(&listing).unwrap();
    assert_eq!(
        (status, &listing["root"]["entries"]["lib"]["entries"]["0.py"]["type"]),
        (200, &"regular".into())
    );
    let large = &listing["root"]["entries"]["lib"]["entries"]["large.so"];
    let at = large["narOffset"].as_u64().unwrap() as usize;
    let size = large["size"].as_u64().unwrap() as usize;
    assert!(nar[at..at + size] == snowbank_testkit::noise::noise(size, seed_of(path))[..]);
}

fn seed_of(path: &str) -> u64 {
    path.rsplit('-').next().unwrap().parse().unwrap()
}

#[test]
fn what_was_acked_is_there_after_a_kill() {
    let mut server = Server::start(CACHES);
    let made = closure(5);
    let netrc = server.netrc(&server.token("open:push"));
    good(&push(made.root(), &server.url("open"), Some(&netrc), &[made.top()]));
    let key = server.public_key("open", "");
    server.snowbank.restart();
    assert_eq!(server.public_key("open", ""), key, "a cache keeps its key");
    let store = empty();
    let output = pull(store.path(), &server.url("open"), None, &key, made.top());
    good(&output);
    assert_eq!(verify(store.path()), Ok(()), "{}", said(&output));
}

#[test]
fn logs_and_realisations_are_kept_as_they_came() {
    let server = Server::start(CACHES);
    let token = server.token("open:push");
    let part = "xv2iccirbrvklck36f1g7vldn5v58vck";
    let root = server.url("open");
    for name in [
        format!("log/{part}-hello.drv"),
        "realisations/sha256:ab!out.doi".to_owned(),
        format!("build-trace-v2/{part}-hello.drv/out.doi"),
    ] {
        let url = format!("{root}/{name}");
        assert_eq!(ask("", &[&url]).0, 404, "{name}");
        assert_eq!(ask("", &["-T", "/dev/null", &url]).0, 401, "{name}");
        let (status, body) = ask(&token, &["-X", "PUT", "--data-binary", "what was said", &url]);
        assert_eq!(status, 201, "{name}: {body}");
        assert_eq!(ask("", &[&url]), (200, "what was said".to_owned()), "{name}");
        assert_eq!(ask(&token, &["-X", "PUT", "--data-binary", "more", &url]).0, 201, "{name}");
        assert_eq!(ask("", &[&url]), (200, "more".to_owned()), "{name}");
    }
}
