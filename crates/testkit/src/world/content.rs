//! What is in a package: a large library, texts, and here and there the names of other paths.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::export::{File, Tree};
use crate::noise::Noise;

/// Bytes that a release keeps or changes as one.
const REGION: usize = 64 << 10;

/// Of ten regions so many are changed by a release.
const CHANGED: u64 = 6;

/// Bytes of a line of machine code, and of it what nothing can compress.
const LINE: (usize, usize) = (64, 28);

pub(super) fn stdenv(release: u32) -> Tree {
    vec![text("setup", format!("# release {release}\n").into_bytes())]
}

pub(super) fn environment(paths: &[String]) -> Tree {
    vec![text("paths", paths.join("\n").into_bytes())]
}

/// The package of this number: nine tenths of it one library.
pub(super) fn package(number: u64, release: u32, size: usize, own: &str, needs: &[String]) -> Tree {
    let mut tree = vec![
        File {
            executable: true,
            ..text("bin/tool", format!("#!/bin/sh\nexec {own}/lib/tool \"$@\"\n").into_bytes())
        },
        text("nix-support/propagated-build-inputs", needs.join(" ").into_bytes()),
    ];
    let mut library = Vec::with_capacity(size * 9 / 10 + REGION);
    for region in 0..(size * 9 / 10).div_ceil(REGION) {
        code(&mut library, seed(number, region as u64, release));
    }
    library.truncate(size * 9 / 10);
    // Where a linker writes the folders that libraries are looked for in.
    let names = format!("{own}/lib:{}", needs.join("/lib:"));
    let place = library.len() / 3;
    if let Some(place) = library.get_mut(place..place + names.len()) {
        place.copy_from_slice(names.as_bytes());
    }
    tree.push(File { executable: true, ..text("lib/library.so", library) });
    let (mut left, mut at) = (size / 10, 0);
    while left > 0 {
        let mut chance = Noise::new(seed(number, 1_000_000 + at, release));
        let length = (1000 + chance.below(12_000)).min(left);
        tree.push(text(&format!("lib/python/module_{at:04}.py"), words(&mut chance, length)));
        left -= length;
        at += 1;
    }
    tree
}

fn text(name: &str, bytes: Vec<u8>) -> File {
    File { name: name.to_owned(), executable: false, bytes }
}

/// What a region is made of: the last release that changed it tells.
fn seed(package: u64, region: u64, release: u32) -> u64 {
    let of = |release: u32| {
        let mut hasher = DefaultHasher::new();
        (package, region, release).hash(&mut hasher);
        hasher.finish()
    };
    let changed = (2..=release).rev().find(|&release| of(release) % 10 < CHANGED);
    of(changed.unwrap_or(1))
}

/// A region of something like machine code, that compresses to half.
fn code(to: &mut Vec<u8>, seed: u64) {
    let mut chance = Noise::new(seed);
    for _ in 0..REGION / LINE.0 {
        let word = chance.next_word();
        for at in 0..LINE.1.div_ceil(8) {
            to.extend_from_slice(&chance.next_word().to_le_bytes()[..(LINE.1 - at * 8).min(8)]);
        }
        let common = Noise::new(word % 61 + 1).next_word().to_le_bytes();
        to.extend(common.iter().cycle().take(LINE.0 - LINE.1));
    }
}

/// Text of some hundred words.
fn words(chance: &mut Noise, length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 12);
    while text.len() < length {
        let word = Noise::new(chance.next_word() % 400 + 1).next_word();
        let letters = (0..3 + word % 7).map(|at| b'a' + (word >> (at * 6) & 31).min(25) as u8);
        text.extend(letters);
        text.push(if word.is_multiple_of(9) { b'\n' } else { b' ' });
    }
    text.truncate(length);
    text
}
