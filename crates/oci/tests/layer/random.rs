//! Any trees make the same layer from NARs and from disk, and others list it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use snowbank_nix::store::Place;
use snowbank_oci::tree::StoreTrees;

use crate::support::{Listed, Nars, implied, listed, path, plain, tar, trees};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_layer_is_the_same_from_nars_and_from_disk(one in trees(), other in trees()) {
        let (a, b) = (path('a', "one"), path('b', "other+1"));
        let nars = Nars::of([(&a, &one), (&b, &other)]);
        let root = tempfile::tempdir().unwrap();
        nars.unpack(root.path());
        let disk = StoreTrees::new(Place::below(root.path()));

        let made = tar(vec![plain(&b), plain(&a)], &nars).unwrap();
        prop_assert!(made == tar(vec![plain(&a), plain(&b)], &disk).unwrap());

        let mut wanted = implied(&["/", "/nix", "/nix/store"]);
        one.list(format!("/nix/store/{a}").as_bytes(), &mut wanted);
        other.list(format!("/nix/store/{b}").as_bytes(), &mut wanted);
        prop_assert_eq!(listed(&made), wanted);
    }
}

/// Prints each entry of a tar as it stands in there: name, type, mode, owner, time, content or target.
const LIST: &str = r"
import sys, tarfile
archive = tarfile.open(fileobj=sys.stdin.buffer, mode='r|', encoding='utf-8', errors='surrogateescape')
for entry in archive:
    content = archive.extractfile(entry).read() if entry.isreg() else entry.linkname.encode('utf-8', 'surrogateescape')
    assert (entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) == (0, 0, 'root', 'root', 1)
    name = (entry.name or '/').encode('utf-8', 'surrogateescape')
    print(name.hex(), entry.type.decode(), oct(entry.mode)[2:], content.hex(), sep=',')
";

fn listed_by_python(tar: &[u8]) -> Vec<Listed> {
    let mut python = Command::new("python3");
    let python = python.args(["-c", LIST]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = python.stdin.as_ref().unwrap();
    stdin.write_all(tar).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| {
        let [name, kind, mode, content] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let mode = u32::from_str_radix(mode, 8).unwrap();
        (hex::decode(name).unwrap(), kind.chars().next().unwrap(), mode, hex::decode(content).unwrap())
    });
    rows.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn python_lists_what_a_layer_has(tree in trees()) {
        let a = path('a', "tree");
        let nars = Nars::of([(&a, &tree)]);
        let mut wanted = implied(&["/", "/nix", "/nix/store"]);
        tree.list(format!("/nix/store/{a}").as_bytes(), &mut wanted);
        prop_assert_eq!(listed_by_python(&tar(vec![plain(&a)], &nars).unwrap()), wanted);
    }
}
