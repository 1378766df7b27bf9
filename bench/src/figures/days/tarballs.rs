//! The other side: one tarball a lock hash, with `restore-keys`, as `actions/cache` makes it.

use std::{fmt, path::Path, process::Command};

use snowbank_testkit::wire::WireClient;

use super::{Tally, repository::Repository};

/// Bytes of a block, as the npm client has them.
const BLOCK: usize = 64 << 20;

const PREFIX: &str = "nix-store-";
const VERSION: &str = "tarball";

pub(super) struct Tarballs<'a> {
    pub(super) repository: Repository<'a>,
    pub(super) tally: Tally,
    /// Bytes uploaded by pushes to main alone: one tarball a day.
    pub(super) daily: u64,
}

impl<'a> Tarballs<'a> {
    pub(super) fn new(repository: Repository<'a>) -> Self {
        Self { repository, tally: Tally::default(), daily: 0 }
    }

    /// A push to main with a new lock file, and one more that finds its key saved.
    pub(super) async fn day(&mut self, root: &Path, paths: &[String], day: usize) {
        let client = self.repository.client(&["refs/heads/main:rw"]);
        let key = format!("{PREFIX}{day}");
        if client.lookup(&[&key, PREFIX], VERSION).await.expect("a lookup is answered").is_some() {
            self.tally.found += 1;
        }
        self.daily += self.save(&client, &key, root, paths).await;
    }

    /// A pull request with a lock file of its own.
    pub(super) async fn pull_request(&mut self, root: &Path, paths: &[String], number: usize) {
        let name = format!("refs/pull/{number}/merge:rw");
        let client = self.repository.client(&[&name, "refs/heads/main:r"]);
        self.save(&client, &format!("{PREFIX}pull-{number}"), root, paths).await;
    }

    /// Returns the bytes that it uploads.
    async fn save(&mut self, client: &WireClient, key: &str, root: &Path, paths: &[String]) -> u64 {
        let archive = archive(root, paths);
        self.tally.uploaded += archive.len() as u64;
        self.tally.entries += 1;
        let sent = async {
            let url = client.create(key, VERSION).await?;
            let blocks: Vec<_> = archive.chunks(BLOCK).collect();
            let ids: Vec<_> = (0..blocks.len()).map(|number| format!("blck{number:04}")).collect();
            for (block, id) in blocks.into_iter().zip(&ids) {
                client.put_block(&url, id, block.to_vec()).await?;
            }
            client.put_block_list(&url, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await?;
            client.finalize(key, VERSION, archive.len() as u64).await
        };
        sent.await.expect("a tarball can be saved");
        archive.len() as u64
    }
}

/// The store and its database, packed as `actions/cache` does. Holds all of it.
fn archive(root: &Path, paths: &[String]) -> Vec<u8> {
    let names: String = paths.iter().map(|path| format!("{}\n", path.trim_start_matches('/'))).collect();
    let list = root.with_extension("list");
    std::fs::write(&list, names + "nix/var/nix/db\n").expect("a list can be written");
    let script = r#"set -o pipefail; tar --posix -C "$0" --files-from "$1" -cf - | zstd -qT0"#;
    let output =
        Command::new("bash").args(["-c", script]).arg(root).arg(&list).output().expect("bash can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

impl fmt::Display for Tarballs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { uploaded, found, size, .. } = &self.tally;
        let size = size.last().copied().unwrap_or_default();
        write!(f, "tarballs {:.0} MB, there {found}, hold {size:.0} MB", *uploaded as f64 / 1e6)
    }
}
