//! Fetching all files of one kind from a binary cache, into nothing.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
    time::Instant,
};

/// A binary cache and where the files of a closure are in it.
pub(super) struct Cache {
    pub(super) infos: Vec<String>,
    pub(super) nars: Vec<String>,
}

impl Cache {
    /// The closure of these store paths in the cache at `url`.
    pub(super) fn of(url: &str, paths: &[String]) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        let part = |path: &String| path["/nix/store/".len()..][..32].to_owned();
        let infos: Vec<String> = paths.iter().map(|path| format!("{url}/{}.narinfo", part(path))).collect();
        let told = curl().args(&infos).output().expect("curl can be run");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let nars = told.lines().filter_map(|line| line.strip_prefix("URL: "));
        let nars: Vec<String> = nars.map(|nar| format!("{url}/{nar}")).collect();
        assert_eq!(nars.len(), infos.len(), "every path has a NAR");
        Self { infos, nars }
    }
}

/// Seconds to fetch all of these, over so many connections at once.
pub(super) fn fetch(urls: &[String], connections: usize) -> f64 {
    let begun = Instant::now();
    let clients: Vec<Child> = (0..connections)
        .map(|first| {
            let mut client =
                curl().args(["--config", "-"]).stdin(Stdio::piped()).spawn().expect("curl can be run");
            let lines: String = urls
                .iter()
                .skip(first)
                .step_by(connections)
                .map(|url| format!("url = \"{url}\"\noutput = \"/dev/null\"\n"))
                .collect();
            let mut input = client.stdin.take().expect("curl has an input");
            input.write_all(lines.as_bytes()).expect("curl reads");
            client
        })
        .collect();
    for mut client in clients {
        let status = client.wait().expect("curl ends");
        assert!(status.success(), "curl ended with {status}");
    }
    begun.elapsed().as_secs_f64()
}

fn curl() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*"]);
    curl
}
