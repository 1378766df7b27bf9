//! Images that nix2container built. What their tars must be is told by a script that knows nothing of Snowbank.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use snowbank_testkit::closure::Closure;
use snowbank_testkit::docker_registry::{Access, DockerRegistry};

use crate::kit::{Pulled, closure, count, ending, json as read, push, pushed, said, skopeo};

/// A layer of `[real folder, name in the image, mode of its plain files or ""]`s: the digest of its tar and its size, by
/// nix2container's rules for names that ustar has room for.
const TAR: &str = r#"
import hashlib, json, os, sys
files = {}
def walk(real, name, mode):
    st = os.lstat(real)
    if name:  # What is rewritten to nothing has no entry of its own.
        files[name] = (real, mode)
    if os.path.isdir(real) and not os.path.islink(real):
        for child in os.listdir(real):
            walk(real + '/' + child, name + '/' + child, mode)
for real, name, mode in json.loads(sys.argv[1]):
    walk(real, name, mode)
for name in list(files):
    while name != '/':
        name = os.path.dirname(name)
        files.setdefault(name, None)
out = b''
for name in sorted(files, key=lambda name: [part.encode() for part in name.split('/') if part]):
    kind, perm, link, body = b'5', 0o755, b'', b''
    if files[name]:
        real, mode = files[name]
        perm = os.lstat(real).st_mode & 0o7777
        if os.path.islink(real):
            kind, perm, link = b'2', 0o777, os.readlink(real).encode()
        elif os.path.isfile(real):
            kind, body = b'0', open(real, 'rb').read()
        if mode and kind == b'0':
            perm = int(mode, 8)
    name = name.encode()
    assert len(name) <= 100 and len(link) <= 100
    octal = lambda number, width: b'%0*o\0' % (width - 1, number)
    pad = lambda text, width: text.ljust(width, b'\0')
    head = (pad(name, 100) + octal(perm, 8) + octal(0, 8) * 2 + octal(len(body), 12) + octal(1, 12) + b' ' * 8 + kind
        + pad(link, 100) + b'ustar\x0000' + pad(b'root', 32) * 2 + octal(0, 8) * 2 + bytes(155 + 12))
    head = head[:148] + b'%06o\0 ' % sum(head) + head[156:]
    out += head + body + bytes(-len(body) % 512)
out += bytes(1024)
print(hashlib.sha256(out).hexdigest(), len(out))
"#;

/// A layer as nix2container writes it.
fn layer(made: &Closure, of: &[(&str, &str, &str)], options: &Value) -> Value {
    let real = |path: &str| made.root().join(&path[1..]).display().to_string();
    let files: Vec<_> = of.iter().map(|(path, name, mode)| json!([real(path), name, mode])).collect();
    let output = Command::new("python3").args(["-c", TAR, &Value::from(files).to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let (digest, size) = text.trim().split_once(' ').unwrap();
    let paths: Vec<Value> = of
        .iter()
        .map(|(path, ..)| match options {
            Value::Null => json!({"path": path}),
            options => json!({"path": path, "options": options}),
        })
        .collect();
    json!({
        "digest": format!("sha256:{digest}"), "size": size.parse::<u64>().unwrap(), "diff_ids": format!("sha256:{digest}"),
        "paths": paths, "mediatype": "application/vnd.oci.image.layer.v1.tar", "History": {"created_by": "nix2container"},
    })
}

fn rewrite(path: &str) -> Value {
    json!({"rewrite": {"regex": format!("^{path}"), "repl": ""}})
}

fn image(folder: &Path, layers: &[Value]) -> PathBuf {
    image_for("amd64", folder, layers)
}

fn image_for(processor: &str, folder: &Path, layers: &[Value]) -> PathBuf {
    let file = folder.join(format!("{processor}.json"));
    let text = json!({
        "version": 1, "image-config": {"entrypoint": ["/link"], "Env": ["A=b"]}, "layers": layers, "arch": processor,
        "created": "0001-01-01T00:00:00Z",
    });
    std::fs::write(&file, text.to_string()).unwrap();
    file
}

#[test]
fn tars_are_those_of_nix2container_and_need_no_store_once_they_are_pushed() {
    let registry = DockerRegistry::start(Access::Open);
    let (made, folder) = (closure(21), tempfile::tempdir().unwrap());
    let (one, two) = (ending(&made, "tree-21"), ending(&made, "tree-22"));
    let perms = json!({
        "rewrite": {"regex": "", "repl": ""},
        "perms": [{"regex": ".*\\.so$", "mode": "0640", "uid": 0, "gid": 0, "uname": "", "gname": ""}],
    });
    let layers = [
        layer(&made, &[(made.top(), made.top(), "")], &Value::Null),
        layer(&made, &[(&two, &two, "640")], &perms),
        layer(&made, &[(&one, "", "")], &rewrite(&one)),
    ];
    let file = image(folder.path(), &layers);
    let to = format!("{}/a/app:v1", registry.host());
    let told = pushed(made.root(), &[file.to_str().unwrap(), &to]);
    assert_eq!(count(&told, "uploaded"), 3, "{told}");
    let pulled = Pulled::of(&format!("docker://{to}"));
    let wanted: Vec<_> = layers.iter().map(|layer| layer["diff_ids"].clone()).collect();
    assert_eq!(pulled.config()["rootfs"]["diff_ids"], Value::from(wanted));
    assert_eq!(pulled.config()["config"]["Entrypoint"], json!(["/link"]));
    assert!(pulled.names().contains("/lib/0.so"), "{:?}", pulled.names());

    let (empty, begun) = (tempfile::tempdir().unwrap(), registry.count("POST"));
    let told = pushed(empty.path(), &[file.to_str().unwrap(), &to]);
    assert_eq!((count(&told, "exists"), registry.count("POST")), (3, begun), "a blob was sent: {told}");
    // Not a manifest either: this machine knows less of the layers, and that is no news.
    assert_eq!((&told["sent"], &told["images"][0]["unchanged"]), (&0.into(), &true.into()), "{told}");
}

#[test]
fn images_of_several_processors_are_one_tag() {
    let registry = DockerRegistry::start(Access::Open);
    let (made, folder) = (closure(29), tempfile::tempdir().unwrap());
    let one = |processor: &str, path: &str| {
        let layers = [layer(&made, &[(path, path, "")], &Value::Null)];
        (image_for(processor, folder.path(), &layers), layers[0]["diff_ids"].clone())
    };
    let images = [("amd64", "tree-29"), ("arm64", "tree-30")]
        .map(|(processor, name)| (processor, one(processor, &ending(&made, name))));
    let files = images.each_ref().map(|(_, (file, _))| file.to_str().unwrap());
    let to = format!("{}/a/app:v1", registry.host());
    let both = || pushed(made.root(), &[&files[..], &["--tag", "v2", &to]].concat());
    let told = both();
    assert_eq!(told["images"].as_array().unwrap().len(), 2, "{told}");
    let index = |tag: &str| {
        let image = format!("docker://{}/a/app:{tag}", registry.host());
        skopeo(&["inspect", "--raw", "--tls-verify=false", &image])
    };
    assert_eq!(index("v1"), index("v2"));
    let read: Value = serde_json::from_str(&index("v1")).unwrap();
    for (entry, (processor, (_, diff_id))) in read["manifests"].as_array().unwrap().iter().zip(&images) {
        assert_eq!(entry["platform"]["architecture"], *processor);
        let digest = entry["digest"].as_str().unwrap();
        let pulled = Pulled::of(&format!("docker://{}/a/app@{digest}", registry.host()));
        assert_eq!(pulled.config()["rootfs"]["diff_ids"][0], *diff_id);
        assert_eq!(pulled.config()["architecture"], *processor);
    }
    let again = both();
    assert_eq!((&again["sent"], &again["digest"]), (&0.into(), &told["digest"]), "{again}");
    let twice = push(made.root(), &[files[0], files[0], &to]);
    assert_eq!(twice.status.code(), Some(2), "{}", said(&twice));
    assert!(said(&twice).contains("amd64"), "{}", said(&twice));
}

#[test]
fn another_digest_than_the_tar_s_is_an_error_that_names_the_path() {
    let (made, folder) = (closure(23), tempfile::tempdir().unwrap());
    let tree = ending(&made, "tree-23");
    let mut wrong = layer(&made, &[(&tree, &tree, "")], &Value::Null);
    let digest = format!("sha256:{}", "0".repeat(64));
    wrong["digest"] = digest.clone().into();
    wrong["diff_ids"] = digest.into();
    let file = image(folder.path(), &[wrong]);
    let to = format!("oci:{}:v1", folder.path().join("out").display());
    let output = push(made.root(), &[file.to_str().unwrap(), &to]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("tree-23"), "{}", said(&output));
}

#[test]
fn fields_that_are_not_known_are_told() {
    let (made, folder) = (closure(25), tempfile::tempdir().unwrap());
    let mut odd = layer(&made, &[(made.top(), made.top(), "")], &Value::Null);
    odd["novelty"] = 1.into();
    let file = image(folder.path(), &[odd]);
    let output = push(
        made.root(),
        &[file.to_str().unwrap(), &format!("oci:{}:v1", folder.path().join("out").display())],
    );
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("novelty"), "{}", said(&output));
}

#[test]
fn two_files_at_one_place_are_an_error_that_names_both() {
    let (made, folder) = (closure(27), tempfile::tempdir().unwrap());
    let (one, two) = (ending(&made, "tree-27"), ending(&made, "tree-28"));
    let mut both = layer(&made, &[(&one, "", "")], &rewrite(&one));
    both["paths"].as_array_mut().unwrap().push(json!({"path": two, "options": rewrite(&two)}));
    let file = image(folder.path(), &[both]);
    let output = push(
        made.root(),
        &[file.to_str().unwrap(), &format!("oci:{}:v1", folder.path().join("out").display())],
    );
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("tree-27") && said(&output).contains("tree-28"), "{}", said(&output));
}

#[test]
fn a_machine_without_the_store_leaves_an_sbom_that_knows_more() {
    let registry = DockerRegistry::start(Access::Open);
    let (made, folder) = (closure(29), tempfile::tempdir().unwrap());
    let paths = made.paths();
    let of: Vec<_> = paths.iter().map(|path| (path.as_str(), path.as_str(), "")).collect();
    let file = image(folder.path(), &[layer(&made, &of, &Value::Null)]);
    let arguments = ["--sbom", "spdx", file.to_str().unwrap(), &format!("{}/a/app:v1", registry.host())];
    let first = pushed(made.root(), &arguments);
    let output = push(tempfile::tempdir().unwrap().path(), &arguments);
    let again = read(&output);
    let referrer = |told: &Value| told["referrers"][0]["digest"].clone();
    assert_eq!((&again["referrers"][0]["outcome"], referrer(&again)), (&"exists".into(), referrer(&first)));
    assert!(said(&output).contains("the SBOM is not complete"), "{}", said(&output));
}

#[test]
fn each_image_of_an_index_has_an_sbom() {
    let (made, folder) = (closure(31), tempfile::tempdir().unwrap());
    let one = image(folder.path(), &[layer(&made, &[(made.top(), made.top(), "")], &Value::Null)]);
    let other = folder.path().join("other.json");
    let text = std::fs::read_to_string(&one).unwrap().replace("amd64", "arm64");
    std::fs::write(&other, text).unwrap();
    let out = folder.path().join("out");
    let to = format!("oci:{}:v1", out.display());
    let told =
        pushed(made.root(), &["--sbom", "cyclonedx", one.to_str().unwrap(), other.to_str().unwrap(), &to]);
    let digest = told["digest"].as_str().unwrap().trim_start_matches("sha256:");
    let index: Value =
        serde_json::from_slice(&std::fs::read(out.join("blobs/sha256").join(digest)).unwrap()).unwrap();
    for at in 0..2 {
        let (referrer, image) = (&told["referrers"][at], &index["manifests"][at]);
        assert_eq!(referrer["subject"], image["digest"], "{told}");
        assert_eq!(referrer["architecture"], image["platform"]["architecture"], "{told}");
    }
    assert_ne!(told["referrers"][0]["digest"], told["referrers"][1]["digest"]);
}

#[test]
fn what_only_images_of_store_paths_have_is_refused() {
    let (made, folder) = (closure(29), tempfile::tempdir().unwrap());
    let file = image(folder.path(), &[layer(&made, &[(made.top(), made.top(), "")], &Value::Null)]);
    let to = format!("oci:{}:v1", folder.path().join("out").display());
    let output = push(made.root(), &["--nix-database", file.to_str().unwrap(), &to]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("--nix-database is for images of store paths"), "{}", said(&output));
}
