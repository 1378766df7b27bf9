//! Some days of a repository: what is restored is always a store, and little is sent, whatever vanishes.

use serde_json::json;
use snowbank_testkit::closure::{requisites, verify};
use snowbank_testkit::world::World;

use crate::kit::{Remote, empty, entries, packs};

/// Deletes an entry of the server.
fn delete(remote: &Remote, entry: &str) {
    let Remote::Server(server, _) = remote else { panic!("only a server has entries") };
    server.run(&["cache", "delete", entry, "--yes", "--server", server.url()]);
}

#[test]
fn days_go_by_and_entries_vanish_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path(), 12, 8_000_000, 3);
    let remote = Remote::server();
    let mut sent = Vec::new();
    for day in 0..7 {
        match day {
            0 => {}
            3 => world.rebuild_all(),
            5 => world.release(),
            _ => world.rebuild(20),
        }
        let paths = world.make();
        let top = paths.last().unwrap();
        let root = empty();
        let restored = remote.restore(root.path());
        assert_eq!(restored["matched"].is_string(), day > 0, "day {day}: {restored}");
        verify(root.path()).unwrap();
        let arguments = ["save", "--key", "k", "--max-size", "10MB", "--pack-size", "500kB", top];
        let saved = remote.run(world.root(), &arguments);
        assert_eq!(saved["left"], json!([]), "day {day}: {saved}");
        sent.push(saved["traffic"]["sent"].as_u64().unwrap());
        match day {
            // A part of the content.
            1 | 4 => delete(&remote, &packs(&remote)[0]),
            // The newest index: the one before it will do.
            2 => delete(&remote, &entries(&remote, "k#")[0]),
            _ => {}
        }
        // What is whole comes back whole.
        if ![1, 2, 4].contains(&day) {
            let root = empty();
            let restored = remote.restore(root.path());
            assert_eq!(restored["missed"], json!([]), "day {day}: {restored}");
            assert_eq!(requisites(root.path(), top), requisites(world.root(), top));
        }
    }
    assert!(sent.iter().skip(1).sum::<u64>() < 2 * sent[0], "{sent:?}");
}
