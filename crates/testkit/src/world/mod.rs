//! A Nix store as days change it: packages that are rebuilt with nearly the same bytes, released anew, or all rebuilt at
//! once. Each day's store is made on top of the one before, by `nix-store --import`, and the same seed gives the same.

mod content;
mod export;

use std::{
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use crate::{noise::Noise, tools};

/// Letters of hashes in store paths.
const NIX32: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// Bytes of the smallest package.
const SMALLEST: usize = 16 << 10;

/// A store whose packages change from day to day.
#[derive(Debug)]
pub struct World {
    root: PathBuf,
    packages: Vec<Package>,
    /// The release of what everything is built with.
    stdenv: u32,
    /// Paths that the store has.
    made: HashSet<String>,
    chance: Noise,
}

/// A package: one store path a state of its own and of all that it needs.
#[derive(Clone, Debug)]
struct Package {
    /// Earlier packages that it needs.
    needs: Vec<usize>,
    /// How often it was released. A release changes most of its content.
    release: u32,
    /// How often it was rebuilt. That changes only names of paths in its content.
    build: u32,
    /// Bytes of its content.
    size: usize,
}

/// What it takes to come back to a day, as a branch does that is not merged.
#[derive(Clone, Debug)]
pub struct Day(Vec<Package>, u32);

impl World {
    /// A world of so many packages with so many bytes together, a few of which are large and most small, in a new private
    /// store at `root`. Nothing is made yet; see [`Self::make`].
    ///
    /// # Panics
    /// When Nix is not installed and cannot be.
    #[must_use]
    pub fn new(root: &Path, packages: usize, bytes: usize, seed: u64) -> Self {
        tools::ensure("nix");
        let mut chance = Noise::new(seed);
        // A few packages hold most of the bytes.
        let mut shares: Vec<f64> = (0..packages).map(|rank| (-(rank as f64) / 8.0).exp()).collect();
        let all: f64 = shares.iter().sum();
        for at in (1..shares.len()).rev() {
            shares.swap(at, chance.below(at + 1));
        }
        let package = |(at, share): (usize, f64)| {
            // Most needs are for the first few.
            let mut need = || {
                let among = chance.below(at) / 2 + 1;
                chance.below(among)
            };
            let needs: BTreeSet<_> = (0..at.min(3)).map(|_| need()).collect();
            let size = ((bytes as f64 * share / all) as usize).max(SMALLEST);
            Package { needs: needs.into_iter().collect(), release: 1, build: 1, size }
        };
        let packages = shares.into_iter().enumerate().map(package).collect();
        Self { root: root.to_owned(), packages, stdenv: 1, made: HashSet::new(), chance }
    }

    /// The private store's root folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Rebuilds about so many hundredths of all packages, with what needs them.
    pub fn rebuild(&mut self, percent: usize) {
        for package in self.few(percent) {
            self.packages[package].build += 1;
        }
    }

    /// Releases a package anew of which little else needs to be rebuilt.
    pub fn release(&mut self) {
        if let Some(package) = self.few(1).first().copied() {
            self.packages[package].release += 1;
        }
    }

    /// Rebuilds everything.
    pub fn rebuild_all(&mut self) {
        self.stdenv += 1;
    }

    /// What is there today, to come back to with [`Self::go_to`].
    #[must_use]
    pub fn today(&self) -> Day {
        Day(self.packages.clone(), self.stdenv)
    }

    /// Goes to another day.
    pub fn go_to(&mut self, day: Day) {
        Day(self.packages, self.stdenv) = day;
    }

    /// Makes what today needs and the store lacks. Returns all paths of today, the one that refers to all others last.
    ///
    /// # Panics
    /// When Nix refuses.
    pub fn make(&mut self) -> Vec<String> {
        let mut paths = vec![path("stdenv", &[&self.stdenv.to_string()])];
        let mut new = Vec::new();
        if self.made.insert(paths[0].clone()) {
            new.push((paths[0].clone(), Vec::new(), content::stdenv(self.stdenv)));
        }
        for (at, package) in self.packages.iter().enumerate() {
            let needs: Vec<_> = std::iter::once(&paths[0])
                .chain(package.needs.iter().map(|need| &paths[need + 1]))
                .cloned()
                .collect();
            let state = [package.release.to_string(), package.build.to_string()];
            let inputs: Vec<_> = needs.iter().chain(&state).map(String::as_str).collect();
            let path = path(&format!("package-{at:03}"), &inputs);
            if self.made.insert(path.clone()) {
                let tree = content::package(at as u64, package.release, package.size, &path, &needs);
                let references = needs.into_iter().chain([path.clone()]).collect();
                new.push((path.clone(), references, tree));
            }
            paths.push(path);
        }
        let all: Vec<_> = paths.iter().map(String::as_str).collect();
        let top = path("environment", &all);
        if self.made.insert(top.clone()) {
            new.push((top.clone(), paths.clone(), content::environment(&paths)));
        }
        paths.push(top);
        if !new.is_empty() {
            export::import(&self.root, new);
        }
        paths
    }

    /// Packages that come to about so many hundredths of all with what needs them, at least one.
    fn few(&mut self, percent: usize) -> Vec<usize> {
        let most = (self.packages.len() * percent / 100).max(1);
        let (mut chosen, mut hit) = (Vec::new(), BTreeSet::new());
        for _ in 0..1000 {
            let one = self.chance.below(self.packages.len());
            let with = self.with_dependents(one);
            let together: BTreeSet<_> = hit.union(&with).copied().collect();
            if together.len() <= most && together.len() > hit.len() {
                hit = together;
                chosen.push(one);
            }
        }
        chosen
    }

    fn with_dependents(&self, package: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::from([package]);
        for (at, other) in self.packages.iter().enumerate() {
            if other.needs.iter().any(|need| all.contains(need)) {
                all.insert(at);
            }
        }
        all
    }
}

/// A path whose hash depends on its inputs, as a derivation's output has.
fn path(name: &str, inputs: &[&str]) -> String {
    let word = |number: u64| {
        let mut hasher = DefaultHasher::new();
        (number, name, inputs).hash(&mut hasher);
        hasher.finish()
    };
    let letters: String = (0..4)
        .map(word)
        .flat_map(|word| (0..8).map(move |at| char::from(NIX32[(word >> (at * 5) & 31) as usize])))
        .collect();
    format!("/nix/store/{letters}-{name}")
}
