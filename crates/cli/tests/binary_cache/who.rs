//! Who may do what.

use crate::kit::{CACHES, Server, ask, closure, curl, empty, good, hash_part, pull, push, said};

#[test]
fn a_private_cache_is_to_strangers_as_one_that_does_not_exist() {
    let server = Server::start(CACHES);
    let made = closure(1);
    let pusher = server.token("team:push");
    good(&push(made.root(), &server.url("team"), Some(&server.netrc(&pusher)), &[made.top()]));
    let info = format!("{}.narinfo", hash_part(made.top()));
    let stranger = server.token("other:pull,push");
    for (token, status) in [("", 401), ("wrong", 401), (stranger.as_str(), 404)] {
        for file in
            ["nix-cache-info", &info, "nar/1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib.nar.zst"]
        {
            let there = ask(token, &[&format!("{}/{file}", server.url("team"))]);
            let not_there = ask(token, &[&format!("{}/{file}", server.url("nothing"))]);
            assert_eq!((there.0, &there), (status, &not_there), "{token} {file}");
        }
        let put = ["-X", "PUT", "--data-binary", "x"];
        let there = ask(token, &[&put[..], &[&format!("{}/{info}", server.url("team"))]].concat());
        let not_there = ask(token, &[&put[..], &[&format!("{}/{info}", server.url("nothing"))]].concat());
        assert_eq!((there.0, &there), (status, &not_there), "{token}");
    }
    let reader = server.token("te*:pull");
    assert_eq!(ask(&reader, &[&format!("{}/{info}", server.url("team"))]).0, 200);
    let bearer = format!("Authorization: Bearer {reader}");
    let output = curl(
        "",
        &["-H", &bearer, "-o", "/dev/null", "-w", "%{http_code}", &format!("{}/{info}", server.url("team"))],
    );
    assert_eq!(said(&output), "200");
}

#[test]
fn who_may_only_pull_cannot_push() {
    let server = Server::start(CACHES);
    let made = closure(2);
    for (token, status) in [(String::new(), 401), (server.token("open:pull"), 403)] {
        let nar =
            format!("{}/nar/1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib.nar", server.url("open"));
        assert_eq!(ask(&token, &["-X", "PUT", "--data-binary", "x", &nar]).0, status);
        let netrc = (!token.is_empty()).then(|| server.netrc(&token));
        let output = push(made.root(), &server.url("open"), netrc.as_deref(), &[made.top()]);
        assert!(!output.status.success(), "{}", said(&output));
    }
    let key = server.public_key("open", "");
    let store = empty();
    assert!(!pull(store.path(), &server.url("open"), None, &key, made.top()).status.success());
}
