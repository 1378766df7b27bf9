//! Jobs behind a Forgejo runner: its proxy has the job's address, passes six routes on, and vouches for the job.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use snowbank_testkit::npm::{NpmClient, Protocol, Release};
use snowbank_testkit::tools;

use crate::server::{block_on, snowbank};

/// The proxy, as `act/cacheproxy` of the runner is: it signs with a secret what it knows of a run, and takes no such header from a job.
const PROXY: &str = r#"
const http = require('node:http'), { createHmac } = require('node:crypto');
const [target, secret, repo, isolation] = process.argv.slice(1);
const routes = [/^GET \/cache$/, /^POST \/caches$/, /^(PATCH|POST) \/caches\/[^/]+$/, /^GET \/artifacts\/[^/]+$/];
const began = String(Math.floor(Date.now() / 1000));
const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://runner');
  const [, run, rest] = url.pathname.match(/^\/(\w+)\/_apis\/artifactcache(\/.+)$/) ?? [];
  if (run !== 'r1' || !routes.some((route) => route.test(`${request.method} ${rest}`))) {
    response.writeHead(404).end();
    return;
  }
  const headers = { ...request.headers, host: new URL(target).host };
  for (const name of Object.keys(headers)) if (name.startsWith('forgejo-')) delete headers[name];
  Object.assign(headers, {
    'forgejo-cache-repo': repo, 'forgejo-cache-runnumber': '12', 'forgejo-cache-runid': run, 'forgejo-cache-timestamp': began,
    'forgejo-cache-host': `http://127.0.0.1:${server.address().port}`,
    'forgejo-cache-mac': createHmac('sha256', secret).update(`${repo}>12>${began}>${isolation ?? ''}`).digest('hex'),
  });
  if (isolation) headers['forgejo-cache-writeisolationkey'] = isolation;
  const path = `/_apis/artifactcache${rest}${url.search}`;
  const onward = http.request(new URL(path, target), { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  request.pipe(onward);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"#;

/// A run of a job, and the proxy that it speaks to.
struct Run {
    proxy: Child,
    url: String,
}

impl Run {
    fn of(server: &str, secret: &str, repository: &str, isolation: &str) -> Self {
        tools::ensure("npm");
        let mut node = tools::command("node");
        node.args(["-e", PROXY, server, secret, repository, isolation]).stdout(Stdio::piped());
        let mut proxy = node.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(proxy.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { proxy, url: format!("http://127.0.0.1:{}/r1/", port.trim()) }
    }

    fn client(&self) -> NpmClient {
        NpmClient::new(Release::V6, Protocol::V1, &self.url, "a-token-of-forgejo")
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

#[test]
fn its_runner_vouches_for_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("snowbank.toml");
    // Jobs see the proxy alone: what the server itself is called must not matter.
    let text =
        "public_url = 'http://127.0.0.1:9/'\n[auth.forgejo]\nsecret = 'between-us'\nallow = ['acme/*']\n";
    std::fs::write(&config, text).unwrap();
    let server = snowbank().arg("--config").arg(config.display().to_string()).start();
    let run = |secret: &str, repository: &str, isolation: &str| {
        Run::of(server.url(), secret, repository, isolation)
    };
    let save = |run: &Run, key: &str, content: &str| {
        let client = run.client();
        client.write("data", content.as_bytes());
        block_on(client.save(&["data"], key))
    };
    let restore = |run: &Run, key: &str| {
        let client = run.client();
        let outcome = block_on(client.restore(&["data"], key, &[]));
        outcome.matched.map(|_| String::from_utf8(client.read("data").unwrap()).unwrap())
    };
    let main = run("between-us", "acme/app", "");
    let saved = save(&main, "k", "of all");
    assert!(saved.saved.is_some(), "{}", saved.output);
    assert_eq!(restore(&main, "k").as_deref(), Some("of all"));

    let pull = run("between-us", "acme/app", "refs/pull/3/head");
    assert_eq!(restore(&pull, "k").as_deref(), Some("of all"), "a pull request reads what all read");
    assert!(save(&pull, "k", "of a pull request").saved.is_some());
    assert_eq!(restore(&pull, "k").as_deref(), Some("of a pull request"));
    assert_eq!(restore(&main, "k").as_deref(), Some("of all"), "and saves for itself");

    for (secret, repository) in
        [("guessed", "acme/app"), ("between-us", "acme/other"), ("between-us", "other/app")]
    {
        let run = run(secret, repository, "");
        assert_eq!(restore(&run, "k"), None, "{secret} {repository}");
    }
    assert_eq!(save(&run("guessed", "acme/app", ""), "k2", "x").saved, None);
}
