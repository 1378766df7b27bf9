//! A store that changes from day to day, checked by Nix.

use std::collections::BTreeSet;

use snowbank_testkit::closure::{requisites, verify};
use snowbank_testkit::world::World;

fn sorted(paths: &[String]) -> BTreeSet<String> {
    paths.iter().cloned().collect()
}

#[test]
fn each_day_changes_what_it_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut world = World::new(folder.path(), 20, 2_000_000, 1);
    let first = world.make();
    assert_eq!(first.len(), 22, "packages, stdenv and the one on top");
    let today = world.today();
    world.rebuild(20);
    let rebuilt = world.make();
    let new = sorted(&rebuilt).difference(&sorted(&first)).count();
    assert!((2..=5).contains(&new), "{new} with the one on top");
    world.rebuild_all();
    let all = world.make();
    assert!(sorted(&all).is_disjoint(&sorted(&first)));
    world.go_to(today);
    world.release();
    assert!(sorted(&world.make()).difference(&sorted(&first)).count() >= 2);
    for day in [first, rebuilt, all] {
        let top = day.last().expect("a path on top");
        assert_eq!(requisites(world.root(), top).into_iter().collect::<BTreeSet<_>>(), sorted(&day));
    }
    verify(world.root()).expect("Nix finds no fault");
}
