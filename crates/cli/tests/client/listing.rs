//! What is there, listed for who has a folder or a job's token.

use crate::kit::{REPO, Remote, closure, command, empty, said};

#[test]
fn what_a_folder_holds_is_listed_without_a_server() {
    let (remote, store) = (Remote::folder(), closure(&[1]));
    remote.save(store.root(), store.top());
    let Remote::Folder(folder) = &remote else { unreachable!("it is a folder") };
    for (arguments, words) in [
        (&["cache", "list"][..], "local/local  refs/heads/main  k#1"),
        (&["cache", "list", "--repo", "local/local"], "k#1  (with 1 pack)"),
        (&["cache", "usage"], "local/local"),
    ] {
        let mut list = command(arguments);
        // One that only commands for jobs mean, and no token for it.
        let output =
            list.arg("--data").arg(folder.path()).env("SNOWBANK_REMOTE", "http://127.0.0.1:1").output();
        let output = output.unwrap();
        let listed = String::from_utf8_lossy(&output.stdout);
        assert!(listed.contains(words), "{arguments:?}: {listed}{}", said(&output));
    }
    let output = command(&["cache", "list", "--server", "http://127.0.0.1:1"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(said(&output).contains("there is no token for http://127.0.0.1:1"), "{}", said(&output));
    assert!(said(&output).contains("--data DIR"), "{}", said(&output));
}

#[test]
fn a_job_s_token_for_a_server_tells_which_packs_are_whose() {
    let (remote, store, desk) = (Remote::server(), closure(&[1]), empty());
    remote.save(store.root(), store.top());
    let Remote::Server(server, token) = &remote else { unreachable!("it is a server") };
    let list = |token: &str| {
        let mut list = command(&["cache", "list", "--repo", REPO, "--server", server.url()]);
        let output = list.env("SNOWBANK_TOKEN", token).current_dir(desk.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned() + &said(&output)
    };
    assert!(list(token).contains("k#1  (with 1 pack)"), "{}", list(token));
    let manage = server.run(&["token", "create", "--manage", "acme/app:read"]);
    let told = list(manage.trim());
    assert!(told.contains("packs not known") && told.contains("--remote URL names"), "{told}");
}
