//! GitHub's REST API for caches: the real `gh` against a real server, and `snowbank cache` beside it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use snowbank_testkit::gh::Gh;
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::wire::WireClient;

const REPO: &str = "acme/app";

/// A server on which these keys were saved in this order, in this ref and of this size.
fn server(saves: &[(&str, &str, usize)]) -> Snowbank {
    let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (key, scope, size) in saves {
        let client = WireClient::new(server.url(), &server.token(REPO, &[&format!("{scope}:rw")]));
        runtime.block_on(client.named("test").save(key, "v", &vec![7; *size])).unwrap();
    }
    server
}

const MAIN: &str = "refs/heads/main";
const DEV: &str = "refs/heads/dev";
const SAVES: &[(&str, &str, usize)] =
    &[("a-1", MAIN, 500), ("a-2", MAIN, 100), ("b 1", DEV, 300), ("a-1", DEV, 200)];

fn token(server: &Snowbank, rights: &str) -> String {
    server.run(&["token", "create", "--manage", rights]).trim().to_owned()
}

/// Looks after the repository's caches with gh.
fn gh(server: &Snowbank) -> Gh {
    Gh::new(server.url(), &token(server, "acme/app:write"))
}

/// Of an empty list gh prints nothing.
fn keys(listed: &str) -> Vec<String> {
    if listed.is_empty() {
        return Vec::new();
    }
    let rows: Value = serde_json::from_str(listed).unwrap();
    rows.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn gh_lists_filters_and_sorts() {
    let server = server(SAVES);
    let gh = gh(&server);
    let list = |arguments: &[&str]| {
        keys(&gh.run(&[&["cache", "list", "-R", REPO, "--json", "key"], arguments].concat()))
    };
    assert_eq!(list(&["--sort", "created_at", "--order", "asc"]), ["a-1", "a-2", "b 1", "a-1"]);
    assert_eq!(list(&["--sort", "size_in_bytes"]), ["a-1", "b 1", "a-1", "a-2"]);
    assert_eq!(list(&["--key", "a-", "--ref", MAIN, "--sort", "size_in_bytes"]), ["a-1", "a-2"]);
    assert_eq!(list(&["--limit", "1", "--sort", "size_in_bytes", "--order", "asc"]), ["a-2"]);
    assert!(list(&["--key", "c"]).is_empty());

    let fields = "id,key,ref,version,sizeInBytes,createdAt,lastAccessedAt";
    let rows = gh.run(&["cache", "list", "-R", REPO, "--json", fields, "--key", "b 1"]);
    let row = serde_json::from_str::<Value>(&rows).unwrap()[0].take();
    assert_eq!((row["ref"].as_str(), row["sizeInBytes"].as_u64()), (Some(DEV), Some(300)));
    assert_eq!(row["version"].as_str(), Some("v"));
    assert!(row["createdAt"].as_str().unwrap().starts_with("20"), "{row}");
    let table = gh.run(&["cache", "list", "-R", REPO]);
    assert!(table.lines().count() == 4 && table.contains("b 1"), "{table}");
}

#[test]
fn gh_follows_the_pages_of_a_long_list() {
    let names: Vec<String> = (0..230).map(|number| format!("k-{number:03}")).collect();
    let saves: Vec<_> = names.iter().map(|name| (name.as_str(), MAIN, 3)).collect();
    let server = server(&saves);
    let gh = gh(&server);
    let list = |limit: &str| {
        let arguments = ["cache", "list", "-R", REPO, "--json", "key", "--limit", limit];
        keys(&gh.run(&[&arguments[..], &["--sort", "created_at", "--order", "asc"]].concat()))
    };
    assert_eq!(list("1000"), names);
    assert_eq!(list("201"), names[..201]);
    let _ = gh.run(&["cache", "delete", "--all", "-R", REPO]);
    assert!(list("1000").is_empty());
}

#[test]
fn gh_deletes_by_number_and_by_key() {
    let server = server(SAVES);
    let gh = gh(&server);
    let left = || {
        let arguments = ["cache", "list", "-R", REPO, "--sort", "created_at", "--order", "asc"];
        keys(&gh.run(&[&arguments[..], &["--json", "key"]].concat()))
    };
    let rows = gh.run(&["cache", "list", "-R", REPO, "--key", "a-2", "--json", "id"]);
    let id = serde_json::from_str::<Value>(&rows).unwrap()[0]["id"].to_string();
    let _ = gh.run(&["cache", "delete", &id, "-R", REPO]);
    assert_eq!(left(), ["a-1", "b 1", "a-1"]);
    let again = gh.output(&["cache", "delete", &id, "-R", REPO]);
    assert!(!again.status.success() && said(&again).contains("Could not find a cache"), "{}", said(&again));
    // gh's releases from 2.63 on know `--ref`; what they send then is this.
    let of_ref = format!("repos/{REPO}/actions/caches?key=a-1&ref={MAIN}");
    let deleted: Value = serde_json::from_str(&gh.run(&["api", "-X", "DELETE", &of_ref])).unwrap();
    assert_eq!((&deleted["total_count"], &deleted["actions_caches"][0]["ref"]), (&1.into(), &MAIN.into()));
    assert_eq!(left(), ["b 1", "a-1"]);
    let _ = gh.run(&["cache", "delete", "b 1", "-R", REPO]);
    assert_eq!(left(), ["a-1"]);
}

#[test]
fn gh_reads_and_sets_limits_and_sees_usage() {
    let server = server(SAVES);
    let gh = Gh::new(server.url(), &token(&server, "acme/*:admin"));
    let usage = gh.run(&["api", "orgs/acme/actions/cache/usage", "--jq", ".total_active_caches_count"]);
    assert_eq!(usage.trim(), "4");
    let path = "organizations/acme/actions/cache/storage-limit";
    assert_eq!(gh.run(&["api", "-X", "PUT", path, "-F", "max_cache_size_gb=2"]), "");
    let limit = gh.run(&["api", "repos/acme/app/actions/cache/storage-limit", "--jq", ".max_cache_size_gb"]);
    assert_eq!(limit.trim(), "2");
    let refused = gh.output(&["api", "-X", "PUT", path, "-F", "max_cache_size_gb=11"]);
    assert!(!refused.status.success() && said(&refused).contains("at most 10GB"), "{}", said(&refused));
}

#[test]
fn gh_is_told_what_its_token_may_not() {
    let server = server(SAVES);
    let reader = Gh::new(server.url(), &token(&server, "acme/app:read"));
    let refused = reader.output(&["cache", "delete", "a-1", "-R", REPO]);
    assert!(!refused.status.success() && said(&refused).contains("HTTP 403"), "{}", said(&refused));
    let other = reader.output(&["cache", "list", "-R", "acme/other"]);
    assert!(!other.status.success() && said(&other).contains("HTTP 404"), "{}", said(&other));
    let nobody = Gh::new(server.url(), "no.token.here").output(&["cache", "list", "-R", REPO]);
    assert!(!nobody.status.success() && said(&nobody).contains("401"), "{}", said(&nobody));
}

/// `snowbank cache` of the repository, with a token to manage it.
fn ours(server: &Snowbank, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["SNOWBANK_", "GITHUB_", "GH_", "ACTIONS_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env("SNOWBANK_TOKEN", token(server, "acme/*:write")).args(["cache", arguments[0]]);
    command.args(["--server", server.url(), "--repo", REPO]).args(&arguments[1..]).output().unwrap()
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn our_own_command_gives_the_same_answers() {
    let server = server(SAVES);
    let gh = gh(&server);
    for (sort, order) in
        [("created_at", "asc"), ("created_at", "desc"), ("size_in_bytes", "asc"), ("size_in_bytes", "desc")]
    {
        let order = ["--sort", sort, "--order", order];
        let theirs = gh.run(&[&["cache", "list", "-R", REPO, "--json", "key"], &order[..]].concat());
        let own: Value =
            serde_json::from_str(&told(&ours(&server, &[&["list", "--json"], &order[..]].concat()))).unwrap();
        assert_eq!(keys(&own["caches"].to_string()), keys(&theirs), "{order:?}");
    }
    let usage: Value = serde_json::from_str(&told(&ours(&server, &["usage", "--json"]))).unwrap();
    let theirs =
        gh.run(&["api", "repos/acme/app/actions/cache/usage", "--jq", ".active_caches_size_in_bytes"]);
    assert_eq!(usage["repositories"][0]["bytes"].to_string(), theirs.trim());
    let one = told(&ours(&server, &["list", "--limit", "1", "--sort", "size_in_bytes"]));
    assert!(one.lines().count() == 1 && one.trim_end().ends_with("a-1"), "{one}");
}

/// What a browser gets that sends this.
fn answered(server: &Snowbank, request: &str, body: &str) -> String {
    let host = server.url().trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    let headers = format!("host: {host}\r\norigin: http://{host}\r\naccept: text/html\r\nconnection: close");
    let length = body.len();
    write!(stream, "{request}\r\n{headers}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_dashboard_gives_the_same_answers() {
    let server = server(SAVES);
    let gh = gh(&server);
    let form = "POST /sign-in HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded";
    let signed_in = answered(&server, form, &format!("token={}", token(&server, "acme/app:read")));
    let cookie = signed_in.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    let page = |query: &str| {
        let request = format!("GET /r/acme/app{query} HTTP/1.1\r\ncookie: {}", cookie.unwrap());
        answered(&server, &request, "")
    };
    let shown = |page: &str| -> Vec<String> {
        let keys = page.split("<span class=\"key\">").skip(1);
        keys.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    };
    let listed =
        |order: &[&str]| keys(&gh.run(&[&["cache", "list", "-R", REPO, "--json", "key"], order].concat()));
    for (query, order) in [
        ("?sort=created&dir=asc", &["--sort", "created_at", "--order", "asc"][..]),
        ("?sort=size&dir=desc", &["--sort", "size_in_bytes", "--order", "desc"]),
        ("?sort=size&dir=asc&key=a-", &["--sort", "size_in_bytes", "--order", "asc", "--key", "a-"]),
        ("?sort=created&dir=desc&ref=refs/heads/dev", &["--sort", "created_at", "--ref", DEV]),
    ] {
        assert_eq!(shown(&page(query)), listed(order), "{query}");
    }
    let count = gh.run(&["api", "repos/acme/app/actions/cache/usage", "--jq", ".active_caches_count"]);
    assert!(page("").contains(&format!("<dt>Entries</dt><dd>{}</dd>", count.trim())), "{}", page(""));
    let _ = gh.run(&["cache", "delete", "a-2", "-R", REPO]);
    assert_eq!(shown(&page("?sort=created&dir=asc")), ["a-1", "b 1", "a-1"]);
}

#[test]
fn our_own_command_deletes_what_it_is_told() {
    let server = server(SAVES);
    let refused = ours(&server, &["delete"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let plan: Value =
        serde_json::from_str(&told(&ours(&server, &["delete", "--dry-run", "--json", "--all"]))).unwrap();
    assert_eq!(
        (plan["would_delete"].as_array().unwrap().len(), plan["would_free_bytes"].as_u64()),
        (4, Some(1100))
    );
    let lines = told(&ours(&server, &["delete", "a-1", "b 1", "--ref", DEV, "--dry-run"]));
    assert!(lines.lines().count() == 2 && lines.contains(DEV) && !lines.contains(MAIN), "{lines}");
    assert_eq!(told(&ours(&server, &["list"])).lines().count(), 4, "nothing went so far");
    let deleted = told(&ours(&server, &["delete", "a-1", "b 1"]));
    assert_eq!(deleted.trim(), "deleted 3 caches, 1.0 kB freed");
    assert_eq!(
        told(&ours(&server, &["delete", "--older-than", "1h", "--yes"])).trim(),
        "deleted 0 caches, 0 B freed"
    );
    assert!(told(&ours(&server, &["delete", "--all", "--yes"])).starts_with("deleted 1 cache"));
    assert_eq!(told(&ours(&server, &["list"])), "");
}

#[test]
fn on_a_terminal_somebody_is_asked() {
    let server = server(SAVES);
    let answered = |answer: &str, arguments: &str| {
        // `script` gives the command a terminal.
        let line = format!("{} cache delete {arguments}", env!("CARGO_BIN_EXE_snowbank"));
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let rights = token(&server, "acme/app:write");
        let environment =
            [("SNOWBANK_SERVER", server.url()), ("SNOWBANK_TOKEN", &rights), ("GITHUB_REPOSITORY", REPO)];
        let mut child = terminal.envs(environment).spawn().unwrap();
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let left = || told(&ours(&server, &["list"])).lines().count();
    let refused = answered("n\n", "--repo acme/app a-1");
    assert!(
        refused.contains("delete 2 caches (700 B) of acme/app?") && refused.contains("nothing is deleted"),
        "{refused}"
    );
    assert_eq!(left(), 4);
    let agreed = answered("y\n", "--repo acme/app a-1");
    assert!(agreed.contains("deleted 2 caches"), "{agreed}");
    let unasked = answered("", "--repo acme/app a-2 --yes");
    assert!(unasked.contains("deleted 1 cache") && !unasked.contains("[y/N]"), "{unasked}");
    assert_eq!(left(), 1);
}
