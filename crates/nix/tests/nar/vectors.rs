//! NARs whose hashes Nix confirmed.

use snowbank_nix::{
    hash::NarHash,
    nar::{Event, Parser},
};

use crate::support::{Tree, rewrite};

fn check(tree: &Tree, size: usize, hash: &str) {
    let nar = tree.nar();
    assert_eq!((nar.len(), NarHash::of(&nar).to_string()), (size, format!("sha256:{hash}")), "{tree:?}");
    assert_eq!(&Tree::read(&nar), tree);
    assert_eq!(rewrite(&nar, 1).as_ref(), Ok(&nar));
}

#[test]
fn the_published_trees_have_their_sizes_and_hashes() {
    let script = Tree::File { executable: true, content: b"#!/bin/sh\n".to_vec() };
    check(&Tree::file(b"mycontent\n"), 128, "1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib");
    check(&Tree::file(b""), 112, "0ip26j2h11n1kgkz36rl4akv694yz65hr72q4kv4b3lxcbi65b3p");
    check(&Tree::directory([]), 96, "0sjjj9z1dhilhpc8pq4154czrb79z9cm044jvn75kxcjv6v5l2m5");
    check(&script, 160, "0m35wabrvlzjvv71f2xvca3vd91gh9mwvh4mm38h7yb0h9kc30v2");
    check(&Tree::Symlink(b"/foo".to_vec()), 120, "1ns32czkslvsq02miq36cy6cx7bw5h9zda70ccggrd6zv6z9pkh8");
}

#[test]
fn the_content_of_a_lone_file_begins_where_listings_say() {
    for (executable, offset) in [(false, 96), (true, 128)] {
        let nar = Tree::File { executable, content: b"x".to_vec() }.nar();
        let (mut parser, mut rest) = (Parser::new(), nar.as_slice());
        assert_eq!(parser.next_event(&mut rest), Ok(Some(Event::File { executable, size: 1 })));
        assert_eq!(parser.offset(), offset);
        assert_eq!(nar[usize::try_from(offset).unwrap()], b'x');
    }
}
