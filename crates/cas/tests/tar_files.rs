//! Equal files give equal chunks in whatever archive they lie: archives of the `tar` crate and of GNU tar.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod kit;

use std::fs;
use std::path::Path;
use std::process::Command;

use kit::{chunk_hashes, cut, cut_at, noise, small};
use proptest::prelude::*;
use snowbank_cas::chunker::{Cutter, Layout, Params};

/// Checks that each file of the threshold or above has, somewhere in the archive, the very chunks that it has
/// alone; and that the archive is whole.
fn holds_chunks_of(params: Params, archive: &[u8], files: &[Vec<u8>]) {
    assert_eq!(cut(params, Layout::Tar, archive).unwrap().concat(), archive);
    let chunks = chunk_hashes(params, Layout::Tar, archive);
    for file in files.iter().filter(|file| file.len() >= params.file_threshold() as usize) {
        let own = chunk_hashes(params, Layout::Plain, file);
        let found = chunks.windows(own.len()).any(|run| run == own);
        assert!(found, "the {} chunks of a file of {} bytes", own.len(), file.len());
    }
}

/// Lengths around blocks and around the threshold of [`small`].
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 510..514usize, 1022..1026usize, 0..5000usize, 20_000..40_000usize]
}

/// A name, short or too long for a header.
fn name(index: usize, long: bool) -> String {
    if long { format!("{}/{}/ä{index}", "d".repeat(120), "f".repeat(150)) } else { format!("f{index}") }
}

fn archive(files: &[(Vec<u8>, bool)], order: impl Iterator<Item = usize>, mtime: u64) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for index in order {
        let (content, long) = &files[index];
        if index % 3 == 0 {
            let time = format!("{mtime}.{index:09}");
            builder.append_pax_extensions([("mtime", time.as_bytes())]).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mtime(mtime);
        builder.append_data(&mut header, name(index, *long), content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_and_times_do_not_matter(
        files in proptest::collection::vec((any::<u64>(), length(), any::<bool>()), 1..20),
        ends in proptest::collection::vec(any::<usize>(), 0..20),
    ) {
        let files: Vec<(Vec<u8>, bool)> =
            files.into_iter().map(|(seed, len, long)| (noise(seed, len), long)).collect();
        let contents: Vec<Vec<u8>> = files.iter().map(|(content, _)| content.clone()).collect();
        let one = archive(&files, 0..files.len(), 1);
        let other = archive(&files, (0..files.len()).rev(), 1_700_000_000);
        holds_chunks_of(small(), &one, &contents);
        holds_chunks_of(small(), &other, &contents);
        prop_assert_eq!(
            cut_at(small(), Layout::Tar, &one, &ends).unwrap(),
            cut(small(), Layout::Tar, &one).unwrap()
        );
    }

    #[test]
    fn a_damaged_archive_is_refused_or_still_whole(
        lengths in proptest::collection::vec(length(), 1..6),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        keep in any::<prop::sample::Index>(),
    ) {
        let files: Vec<(Vec<u8>, bool)> =
            lengths.iter().map(|&len| (noise(len as u64, len), len % 2 == 0)).collect();
        let mut bytes = archive(&files, 0..files.len(), 1);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(keep.index(bytes.len() * 2));
        if let Ok(chunks) = cut(small(), Layout::Tar, &bytes) {
            prop_assert_eq!(chunks.concat(), bytes);
        }
    }
}

/// Runs GNU tar as `actions/cache` does, over a list of names that ends up in the archive in that order.
fn gnu_tar(root: &Path, names: &[String], more: &[&str]) -> Vec<u8> {
    let list = root.with_extension("list");
    fs::write(&list, names.join("\n")).unwrap();
    let output = Command::new("tar")
        .args(["--posix", "-P", "--no-recursion", "-cf", "-", "-C"])
        .arg(root)
        .arg("--files-from")
        .arg(&list)
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A tree of files of many lengths with links among them: the names, parents first, and the files' contents.
fn tree(root: &Path, params: Params) -> (Vec<String>, Vec<Vec<u8>>) {
    let threshold = params.file_threshold() as usize;
    let max = params.max() as usize;
    let lengths = [
        0,
        1,
        511,
        512,
        513,
        3000,
        threshold - 1,
        threshold,
        threshold + 1,
        2 * threshold,
        max - 1,
        max,
        max + 1,
        5 * max + 77,
    ];
    let long = format!("{}/{}", "long-folder-name".repeat(8), "long-file-name".repeat(15));
    let mut names = vec!["folder".to_owned(), "long-folder-name".repeat(8)];
    for name in &names {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let mut contents = Vec::new();
    for (index, &length) in lengths.iter().enumerate() {
        let name = if index % 4 == 3 { format!("{long}{index}") } else { format!("folder/file {index}") };
        contents.push(noise(index as u64, length));
        fs::write(root.join(&name), &contents[index]).unwrap();
        names.push(name);
    }
    fs::hard_link(root.join("folder/file 12"), root.join("hard link")).unwrap();
    std::os::unix::fs::symlink("folder/".repeat(40), root.join("symlink")).unwrap();
    names.extend(["hard link".to_owned(), "symlink".to_owned()]);
    (names, contents)
}

#[test]
fn archives_of_gnu_tar_share_their_files() {
    for params in [Params::default(), small()] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("one");
        fs::create_dir(&root).unwrap();
        let (mut names, contents) = tree(&root, params);
        let archive = gnu_tar(&root, &names, &[]);
        holds_chunks_of(params, &archive, &contents);

        // A copy has other change times, and the hard link comes before what it was linked to.
        let copy = folder.path().join("other");
        assert!(Command::new("cp").arg("-a").arg(&root).arg(&copy).status().unwrap().success());
        names.reverse();
        let archive = gnu_tar(&copy, &names, &[]);
        holds_chunks_of(params, &archive, &contents);
        for format in ["--format=gnu", "--format=ustar"] {
            let mut names = names.clone();
            names.retain(|name| format != "--format=ustar" || !name.contains("long") && name != "symlink");
            let archive = gnu_tar(&copy, &names, &[format]);
            assert_eq!(cut(params, Layout::Tar, &archive).unwrap().concat(), archive);
        }
    }
}

#[test]
fn a_sparse_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    fs::create_dir(&root).unwrap();
    let file = fs::File::create(root.join("holes")).unwrap();
    file.set_len(4 << 20).unwrap();
    let names = ["holes".to_owned()];
    assert!(cut(Params::default(), Layout::Tar, &gnu_tar(&root, &names, &[])).is_ok());
    for format in ["--format=posix", "--format=gnu"] {
        let archive = gnu_tar(&root, &names, &["--sparse", format]);
        assert!(cut(Params::default(), Layout::Tar, &archive).is_err(), "{format}");
    }
}

#[test]
fn what_is_no_tar_is_refused_at_its_first_block() {
    let mut cutter = Cutter::new(Params::default(), Layout::Tar);
    assert!(cutter.push(&noise(3, 511), &mut |_| {}).is_ok());
    assert!(cutter.push(b"x", &mut |_| {}).is_err());
}
