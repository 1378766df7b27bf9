//! Pushes of what is not what it is said to be. None of it is ever visible.

use std::path::Path;

use snowbank_nix::hash::NarHash;

use crate::kit::{CACHES, Server, ask};

/// The NAR of a file.
fn file(content: &[u8]) -> Vec<u8> {
    let mut nar = Vec::new();
    for text in [b"nix-archive-1".as_slice(), b"(", b"type", b"regular", b"contents", content, b")"] {
        string(&mut nar, text);
    }
    nar
}

fn string(nar: &mut Vec<u8>, text: &[u8]) {
    nar.extend_from_slice(&(text.len() as u64).to_le_bytes());
    nar.extend_from_slice(text);
    nar.resize(nar.len().next_multiple_of(8), 0);
}

/// The NAR of a folder with these names, a file in each.
fn folder(names: &[&[u8]]) -> Vec<u8> {
    let mut nar = Vec::new();
    for text in [b"nix-archive-1".as_slice(), b"(", b"type", b"directory"] {
        string(&mut nar, text);
    }
    for name in names {
        for text in [
            b"entry".as_slice(),
            b"(",
            b"name",
            name,
            b"node",
            b"(",
            b"type",
            b"regular",
            b"contents",
            b"x",
            b")",
            b")",
        ] {
            string(&mut nar, text);
        }
    }
    string(&mut nar, b")");
    nar
}

const PART: &str = "xv2iccirbrvklck36f1g7vldn5v58vck";

fn info(nar: &[u8], more: &str) -> String {
    let hash = NarHash::of(nar);
    let name = hash.to_string().replace("sha256:", "");
    format!(
        "StorePath: /nix/store/{PART}-x\nURL: nar/{name}.nar\nCompression: none\nNarHash: {hash}\nNarSize: {}\n{more}",
        nar.len()
    )
}

struct Pusher {
    server: Server,
    token: String,
    folder: tempfile::TempDir,
}

impl Pusher {
    fn new() -> Self {
        let server = Server::start(CACHES);
        let token = server.token("open:push");
        Self { server, token, folder: tempfile::tempdir().unwrap() }
    }

    fn put(&self, name: &str, content: &[u8]) -> (u16, String) {
        let file = self.folder.path().join("content");
        std::fs::write(&file, content).unwrap();
        self.put_file(name, &file)
    }

    fn put_file(&self, name: &str, file: &Path) -> (u16, String) {
        let url = format!("{}/{name}", self.server.url("open"));
        ask(&self.token, &["-T", file.to_str().unwrap(), &url])
    }

    fn put_nar(&self, nar: &[u8]) -> (u16, String) {
        let name = NarHash::of(nar).to_string().replace("sha256:", "");
        self.put(&format!("nar/{name}.nar"), nar)
    }

    fn put_info(&self, text: &str) -> (u16, String) {
        self.put(&format!("{PART}.narinfo"), text.as_bytes())
    }

    fn nothing_is_visible(&self) {
        let (status, body) = ask("", &[&format!("{}/{PART}.narinfo", self.server.url("open"))]);
        assert_eq!(status, 404, "{body}");
    }
}

#[test]
fn what_is_no_nar_is_refused() {
    let pusher = Pusher::new();
    let good = file(b"content");
    let mut padded = good.clone();
    let at = padded.windows(7).position(|bytes| bytes == b"content").unwrap() + 7;
    padded[at] = 1;
    let cut_off = &good[..good.len() - 8];
    let longer = [&good[..], b"more"].concat();
    for (name, nar) in [
        ("cut off", cut_off.to_vec()),
        ("bytes behind it", longer),
        ("padding that is not zero", padded),
        ("a name with a slash", folder(&[b"a/b"])),
        ("a name that leads up", folder(&[b".."])),
        ("names out of order", folder(&[b"b", b"a"])),
        ("a name twice", folder(&[b"a", b"a"])),
        ("no NAR at all", b"something else".to_vec()),
        ("nothing", Vec::new()),
    ] {
        let (status, body) = pusher.put_nar(&nar);
        assert_eq!(status, 400, "{name}: {body}");
        assert!(body.contains("not kept"), "{name}: {body}");
    }
    let (status, body) = pusher.put(&format!("nar/{}.nar.xz", "0".repeat(52)), &good);
    assert!(status == 400 && body.contains("decompress"), "{status} {body}");
    assert_eq!(pusher.put_nar(&good).0, 201);
}

#[test]
fn an_info_that_does_not_fit_its_nar_is_refused() {
    let pusher = Pusher::new();
    let (good, other) = (file(b"content"), file(b"another"));
    assert_eq!(pusher.put_nar(&good).0, 201);
    let fitting = info(&good, "References: \n");
    let hash = NarHash::of(&good).to_string();
    for (name, text, word) in [
        (
            "another hash",
            fitting.replace(&format!("NarHash: {hash}"), &format!("NarHash: {}", NarHash::of(&other))),
            "hash",
        ),
        ("another size", fitting.replace("NarSize: ", "NarSize: 1"), "bytes"),
        ("a NAR that never came", info(&other, "References: \n"), "was not pushed"),
        ("another store", fitting.replace("/nix/store", "/gnu/store"), "info cannot be read"),
        (
            "two lines of references",
            format!("{fitting}References: {PART}-x\nReferences: {PART}-x\n"),
            "info cannot be read",
        ),
        ("no line break at its end", fitting.trim_end().to_owned(), "info cannot be read"),
        ("another path's digits", fitting.replace(PART, "0v2iccirbrvklck36f1g7vldn5v58vck"), "other digits"),
        (
            "a reference that the NAR does not name",
            info(&good, "References: 1v2iccirbrvklck36f1g7vldn5v58vck-y\n"),
            "does not name",
        ),
        (
            "an address that is another's",
            info(
                &good,
                "References: \nCA: fixed:r:sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib\n",
            ),
            "content address",
        ),
    ] {
        let (status, body) = pusher.put_info(&text);
        assert_eq!(status, 400, "{name}: {body}");
        assert!(body.contains(word), "{name}: {body}");
        pusher.nothing_is_visible();
    }
    let endless = format!("{fitting}{}", "Sig: x:aaaa\n".repeat(1 << 20));
    assert_eq!(pusher.put_info(&endless).0, 413);
    pusher.nothing_is_visible();
    let (status, body) = pusher.put_info(&fitting);
    assert_eq!(status, 201, "{body}");
}

#[test]
fn a_path_whose_references_are_missing_is_refused_with_their_names() {
    let pusher = Pusher::new();
    let missing = "1v2iccirbrvklck36f1g7vldn5v58vck-library";
    let nar = file(format!("/nix/store/{missing}/lib").as_bytes());
    assert_eq!(pusher.put_nar(&nar).0, 201);
    let (status, body) = pusher.put_info(&info(&nar, &format!("References: {missing}\n")));
    assert_eq!(status, 400, "{body}");
    assert!(body.contains(missing), "{body}");
    pusher.nothing_is_visible();
}

#[test]
fn knowing_the_name_of_a_nar_gives_nobody_its_bytes() {
    let pusher = Pusher::new();
    let secret = file(b"a secret");
    let owner = pusher.server.token("team:push");
    let name = NarHash::of(&secret).to_string().replace("sha256:", "");
    let content = pusher.folder.path().join("secret");
    std::fs::write(&content, &secret).unwrap();
    for (cache, token) in [("team", &owner), ("open", &owner)] {
        let url = format!("{}/nar/{name}.nar", pusher.server.url(cache));
        let expected = if cache == "team" { 201 } else { 403 };
        assert_eq!(ask(token, &["-T", content.to_str().unwrap(), &url]).0, expected);
    }
    let url = format!("{}/{PART}.narinfo", pusher.server.url("team"));
    let text = info(&secret, "References: \n");
    std::fs::write(&content, &text).unwrap();
    assert_eq!(ask(&owner, &["-T", content.to_str().unwrap(), &url]).0, 201);
    // The caches share chunks, and still the other one does not know of it.
    for file in [format!("nar/{name}.nar"), format!("nar/{name}.nar.zst")] {
        let (status, _) = ask(&pusher.token, &["-I", &format!("{}/{file}", pusher.server.url("open"))]);
        assert_eq!(status, 404, "{file}");
    }
    let (status, body) = pusher.put_info(&text);
    assert!(status == 400 && body.contains("was not pushed"), "{status} {body}");
    pusher.nothing_is_visible();
}
