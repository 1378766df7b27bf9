//! A copy that is made as `docs/operations.md` says, while the server runs and jobs save.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::tools;

use crate::archive::{Archive, noise};
use crate::server::{block_on, client, snowbank, wait_until};

/// The page's block of commands behind a heading.
fn commands(page: &str, heading: &str) -> String {
    let behind = page.split_once(heading).unwrap().1;
    behind.split_once("\n```sh\n").unwrap().1.split("\n```\n").next().unwrap().to_owned()
}

fn shell(script: &str) {
    let output = Command::new("bash").args(["-eo", "pipefail", "-c", script]).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// A fifth of what is saved is an archive, which is recoded meanwhile.
fn content(number: u64, archive: &Archive) -> Vec<u8> {
    if number.is_multiple_of(5) { archive.zst.clone() } else { noise(number, 200_000) }
}

fn is_there(server: &Snowbank, number: u64, archive: &Archive) -> bool {
    let key = format!("k-{number}");
    let found = block_on(client(server).restore(&[&key], "v")).unwrap();
    let Some((matched, bytes)) = found.filter(|(matched, _)| *matched == key) else { return false };
    let whole = match number.is_multiple_of(5) {
        true => archive.is_in(&bytes),
        false => bytes == noise(number, 200_000),
    };
    assert!(whole, "{matched} came back changed");
    true
}

#[test]
fn a_copy_of_a_server_that_works_has_all_that_was_saved_before_it() {
    tools::ensure("sqlite");
    let page = std::fs::read_to_string(tools::repository().join("docs/operations.md")).unwrap();
    let archive = Archive::made(1, 1, 24, 60_000);
    let server = snowbank().start();
    let folder = tempfile::tempdir().unwrap();
    let here = |script: &str, data: &Path| {
        script
            .replace("/var/lib/snowbank", &data.display().to_string())
            .replace("/backup", &folder.path().join("backup").display().to_string())
            .replace("snowbank gc", &format!("{} gc", env!("CARGO_BIN_EXE_snowbank")))
            .replace("snowbank check", &format!("{} check", env!("CARGO_BIN_EXE_snowbank")))
    };
    let (saved, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let before = std::thread::scope(|scope| {
        scope.spawn(|| {
            let wire = client(&server);
            while !stop.load(Ordering::Relaxed) {
                let number = saved.load(Ordering::Relaxed);
                block_on(wire.save(&format!("k-{number}"), "v", &content(number, &archive))).unwrap();
                saved.store(number + 1, Ordering::Relaxed);
            }
        });
        wait_until("some saves", || saved.load(Ordering::Relaxed) >= 20);
        let before = saved.load(Ordering::Relaxed);
        shell(&here(&commands(&page, "## Backup"), server.data()));
        wait_until("more saves", || saved.load(Ordering::Relaxed) > before);
        stop.store(true, Ordering::Relaxed);
        before
    });
    let copy = folder.path().join("copy");
    shell(&here(&commands(&page, "### Restoring"), &copy));
    let copied = snowbank().data(&copy).start();
    let missing: Vec<_> = (0..before).filter(|number| !is_there(&copied, *number, &archive)).collect();
    assert!(missing.is_empty(), "{missing:?} of {before} are not in the copy");
    block_on(client(&copied).save("new", "v", &noise(99, 200_000))).unwrap();
    copied.run(&["check"]);
}
