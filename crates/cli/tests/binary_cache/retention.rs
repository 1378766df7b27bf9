//! What a cache keeps.

use std::process::Command;

use serde_json::Value;

use crate::kit::{Server, ask, closure, curl, good, hash_part, push, said};

const SMALL: &str = "
[caches.small]
public = true
size = '2MB'
";

fn has(server: &Server, path: &str) -> bool {
    ask("", &["-I", &format!("{}/{}.narinfo", server.url("small"), hash_part(path))]).0 == 200
}

fn gc(server: &Server, more: &[&str]) -> Value {
    let words = [&["gc", "--json", "--grace", "0s", "--config", server.config()], more].concat();
    serde_json::from_str(&server.snowbank.run(&words)).unwrap()
}

fn pin(server: &Server, token: &str, words: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.arg("pin").args(words).args(["--to", &server.url("small")]).env("SNOWBANK_TOKEN", token);
    command.output().unwrap()
}

#[test]
fn over_its_size_a_cache_lets_the_closure_go_that_was_not_pulled_for_longest() {
    let server = Server::start(SMALL);
    let netrc = server.netrc(&server.token("small:push"));
    let (first, second) = (closure(10), closure(20));
    for made in [&first, &second] {
        good(&push(made.root(), &server.url("small"), Some(&netrc), &[made.top()]));
    }
    // The second was pushed last, and the first is pulled after that.
    for path in first.paths() {
        assert!(
            curl("", &[&format!("{}/{}.narinfo", server.url("small"), hash_part(&path))]).status.success()
        );
    }
    std::thread::sleep(std::time::Duration::from_secs(3));
    let plan = gc(&server, &["--plan"]);
    let going = &plan["evict_paths"][0];
    assert_eq!((&going["cache"], &going["unused"]), (&"small".into(), &0.into()), "{plan}");
    let some = going["some"].to_string();
    assert!(some.contains(hash_part(second.top())) && some.contains("over the cache's size"), "{plan}");
    assert!(has(&server, second.top()), "a plan changes nothing");
    assert!(gc(&server, &[])["evicted_paths"].as_u64() > Some(0));
    assert!(!has(&server, second.top()));
    assert!(first.paths().iter().all(|path| has(&server, path)), "what is kept is whole");
}

#[test]
fn a_pin_keeps_a_closure_until_it_is_removed() {
    let server = Server::start(&format!("{SMALL}retention = '1s'\n"));
    let netrc = server.netrc(&server.token("small:push"));
    let keeper = server.token("small:pin");
    let (kept, other) = (closure(30), closure(40));
    for made in [&kept, &other] {
        good(&push(made.root(), &server.url("small"), Some(&netrc), &[made.top()]));
    }
    let refused = pin(&server, "", &["add", "release", kept.top()]);
    assert!(!refused.status.success() && said(&refused).contains("hint:"), "{}", said(&refused));
    let unknown = pin(&server, &keeper, &["add", "release", "/nix/store/1v2iccirbrvklck36f1g7vldn5v58vck-y"]);
    assert!(!unknown.status.success() && said(&unknown).contains("push it first"), "{}", said(&unknown));
    good(&pin(&server, &keeper, &["add", "release", kept.top()]));
    good(&pin(&server, &keeper, &["add", "brief", other.top(), "--expires", "1s"]));
    let listed = pin(&server, &keeper, &["list"]);
    assert!(said(&listed).contains("release") && said(&listed).contains(kept.top()), "{}", said(&listed));
    std::thread::sleep(std::time::Duration::from_secs(2));
    gc(&server, &[]);
    assert!(kept.paths().iter().all(|path| has(&server, path)));
    assert!(!other.paths().iter().any(|path| has(&server, path)), "a pin that has expired keeps nothing");
    // That they were asked for is use, too, and is written down within two seconds.
    std::thread::sleep(std::time::Duration::from_secs(4));
    good(&pin(&server, &keeper, &["remove", "release"]));
    let again = pin(&server, &keeper, &["remove", "release"]);
    assert!(!again.status.success() && said(&again).contains("no pin"), "{}", said(&again));
    gc(&server, &[]);
    assert!(!kept.paths().iter().any(|path| has(&server, path)));
}
