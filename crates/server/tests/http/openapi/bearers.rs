//! Who may call: whom the document lets in, the server does, and nobody else.

use std::time::Duration;

use serde_json::Value;
use snowbank_server::service::Rights;
use snowbank_server::settings::{CacheSettings, Settings};

use crate::described::{API, Operation};
use crate::support::Server;

/// Somebody, and the words that the document has for what he is.
struct Bearer {
    token: String,
    is: &'static [&'static str],
}

fn bearers(server: &Server) -> Vec<Bearer> {
    let holder = |grant: &str| {
        let rights = Rights::Caches(vec![grant.parse().unwrap()]);
        server.service.mint(&rights, Duration::from_secs(600)).unwrap()
    };
    vec![
        Bearer { token: server.admin(), is: &["administrator", "pull", "push", "pin"] },
        Bearer { token: server.token(), is: &["job"] },
        Bearer { token: server.manager(&["acme/app:admin"]), is: &[] },
        Bearer { token: holder("team:pull"), is: &["pull"] },
        Bearer { token: holder("team:push"), is: &["pull", "push"] },
        Bearer { token: holder("team:pull,pin"), is: &["pull", "pin"] },
        Bearer { token: holder("other:admin"), is: &[] },
    ]
}

/// Whether one of the document's ways in is open: without a token, or to who is something of this.
fn is_let_in(call: Operation, is: Option<&[&str]>) -> bool {
    let ways = call.says["security"].as_array().unwrap();
    let open = |way: &Value| match (way["token"].as_array(), is) {
        (None, _) => way.as_object().is_some_and(serde_json::Map::is_empty),
        (Some(_), None) => false,
        (Some(words), Some(is)) => {
            words.is_empty() || words.iter().any(|word| is.contains(&word.as_str().unwrap()))
        }
    };
    ways.is_empty() || ways.iter().any(open)
}

/// Whether the call got as far as to be looked at, with a body that means nothing.
async fn is_heard(server: &Server, call: Operation, token: &str, cache: &str) -> bool {
    // A token that may push says for which cache; a job needs not.
    let body: &[u8] = if call.path == "/image-pushes" {
        br#"{"cache":"team","destination":"d","tag":"t","digest":"x","layers_reused":0,"layers_sent":0,
             "bytes_sent":0,"bytes_total":0,"duration_ms":0}"#
    } else {
        b"\xff"
    };
    let body = if matches!(call.method, "post" | "put") { body } else { b"" };
    let path = call.path.replace("{cache}", cache).replace("{hash}", &"0".repeat(64));
    let path = path.replace("{id}", "1").replace("{name}", "n");
    let query = if call.path == "/rights" { "?cache=team" } else { "" };
    let login = format!("Bearer {token}");
    let headers: &[(&str, &str)] = if token.is_empty() { &[] } else { &[("Authorization", &login)] };
    let target = format!("{API}{path}{query}");
    let answer = server.bare(&call.method.to_uppercase(), &target, headers, body).await;
    let hidden = answer.status == 404 && answer.text().contains("for this token");
    !hidden && ![401, 403].contains(&answer.status)
}

#[tokio::test]
async fn who_may_call_is_as_it_says() {
    let server = Server::with(|settings: &mut Settings| {
        for (name, public) in [("team", false), ("open", true)] {
            settings.caches.insert(name.into(), CacheSettings { public, ..CacheSettings::default() });
        }
    })
    .await;
    let bearers = bearers(&server);
    // Whoever exchanges a token proves by that one who he is.
    for call in Operation::all().filter(|call| call.path != "/oidc/token") {
        let name = format!("{} {}", call.method, call.path);
        assert_eq!(is_heard(&server, call, "", "open").await, is_let_in(call, None), "{name} by nobody");
        for Bearer { token, is } in &bearers {
            // Of a private cache nothing is told to everybody.
            let everybody = call.path.starts_with("/nix/") && is_let_in(call, None);
            let expected = match everybody {
                true => is.contains(&"pull"),
                false => is_let_in(call, Some(is)),
            };
            assert_eq!(is_heard(&server, call, token, "team").await, expected, "{name} by {is:?}");
        }
    }
}
