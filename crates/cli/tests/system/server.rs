//! Starting the built server for a test.

use std::time::{Duration, Instant};

use snowbank_testkit::disk::files_below;
use snowbank_testkit::snowbank::{Builder, Snowbank};
use snowbank_testkit::wire::WireClient;

/// The repository of most tests.
pub(crate) const REPO: &str = "acme/app";
/// Its default branch, writable.
pub(crate) const MAIN: &str = "refs/heads/main:rw";

/// The server that was built with these tests.
pub(crate) fn snowbank() -> Builder {
    Snowbank::builder(env!("CARGO_BIN_EXE_snowbank"))
}

/// The same, with leases and graces of seconds, so that a test sees them end.
pub(crate) fn hasty() -> Builder {
    let times =
        [("UPLOAD_IDLE", "10s"), ("DOWNLOAD_URL", "1s"), ("LEASE", "2s"), ("GRACE", "0s"), ("UPKEEP", "1s")];
    times
        .into_iter()
        .fold(snowbank(), |builder, (name, span)| builder.env(format!("SNOWBANK_TIMES_{name}"), span))
}

/// A client of the repository's default branch.
pub(crate) fn client(server: &Snowbank) -> WireClient {
    WireClient::new(server.url(), &server.token(REPO, &[MAIN]))
}

/// Runs `test` on a runtime of its own.
pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test)
}

/// Waits until `done`, for at most a minute.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not come about within a minute");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until no upload is to be recoded any more.
pub(crate) fn wait_until_recoded(server: &Snowbank) {
    wait_until("the end of recoding", || usage(server)["recoding"] == 0);
}

/// What the server says it keeps on the disk.
pub(crate) fn disk(server: &Snowbank) -> serde_json::Value {
    usage(server)["disk"].clone()
}

fn usage(server: &Snowbank) -> serde_json::Value {
    let usage = server.run(&["cache", "usage", "--json", "--server", server.url()]);
    serde_json::from_str(&usage).unwrap()
}

/// The objects in the server's own folder.
pub(crate) fn objects(server: &Snowbank) -> Vec<String> {
    let files = files_below(&server.data().join("bucket")).unwrap();
    files.into_iter().map(|file| file.display().to_string()).collect()
}
