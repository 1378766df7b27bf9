//! The figures, in an order that keeps one release of the store on the disk at a time.

mod caches;
mod client;
mod counting;
mod days;
mod downloads;
mod growth;
mod images;
mod job;
mod lookups;
mod memory;
mod pages;
mod recoding;
mod save_restore;
mod unpacking;

use std::path::PathBuf;

use crate::{
    place::{Place, remove, settle_disk},
    report::Report,
    server::{Recoding, Server},
    workload::Workload,
};

/// The key of the store's first save.
const FIRST: &str = "nix-store-Linux-1";
/// The key of its second save.
const SECOND: &str = "nix-store-Linux-2";

/// Takes all figures, or those that are `wanted` by name.
pub(crate) async fn all(place: &Place, wanted: &[String], mut report: Report) -> Report {
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|figure| figure == name);
    if ["save-restore", "recoding", "downloads", "unpacking", "growth"].into_iter().any(wants) {
        let store = Workload::make(place, "1");
        if wants("save-restore") {
            save_restore::take(place, &store, &mut report).await;
        }
        let saved = Saved::save(place, &store).await;
        drop(store);
        saved.fetch_upload(place).await;
        if wants("recoding") {
            recoding::take(place, &saved, &mut report).await;
        }
        saved.recode(place).await;
        if wants("downloads") {
            downloads::take(place, &saved, &mut report).await;
        }
        if wants("unpacking") {
            unpacking::take(place, &saved, &mut report);
        }
        if wants("growth") {
            growth::take(place, &saved, &mut report).await;
        }
        remove(&saved.folder);
    }
    if wants("client") {
        client::take(place, &mut report).await;
    }
    if wants("caches") {
        caches::take(place, &mut report);
    }
    if wants("generations") {
        caches::take_generations(place, &mut report);
    }
    if wants("images") {
        images::take(place, &mut report);
    }
    if wants("job") {
        job::take(place, &mut report).await;
    }
    if wants("days") {
        days::take(place, &mut report).await;
    }
    if wants("memory") {
        memory::take(place, &mut report).await;
    }
    if wants("lookups") {
        lookups::take(place, &mut report).await;
    }
    if wants("events") {
        lookups::take_events(place, &mut report).await;
    }
    if wants("pages") {
        pages::take(place, &mut report).await;
    }
    report
}

/// The store's first release on a server that is stopped, and its archive as a file: as it was uploaded, and as the
/// server gives it back once it is recoded.
pub(crate) struct Saved {
    folder: PathBuf,
}

impl Saved {
    async fn save(place: &Place, store: &Workload) -> Self {
        let saved = Self { folder: place.work.join("saved") };
        let server = Server::start(place, &saved.data(), Recoding::Paused);
        let client = server.npm().in_workspace(store.folder());
        let outcome = client.save(&Workload::PATHS, FIRST).await;
        assert!(outcome.saved.is_some(), "{}", outcome.output);
        server.stop();
        saved
    }

    /// Downloads what was uploaded, from a copy: a download URL keeps an upload from being deleted.
    async fn fetch_upload(&self, place: &Place) {
        let copy = self.folder.join("copy");
        crate::server::copy(&self.data(), &copy);
        let server = Server::start(place, &copy, Recoding::Paused);
        downloads::fetch(&server.entry(FIRST).await.1, &self.uploaded());
        server.stop();
        remove(&copy);
    }

    async fn recode(&self, place: &Place) {
        let server = Server::start(place, &self.data(), Recoding::Running);
        server.recoded().await;
        downloads::fetch(&server.entry(FIRST).await.1, &self.recoded());
        server.stop();
        settle_disk();
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn uploaded(&self) -> PathBuf {
        self.folder.join("uploaded.tzst")
    }

    fn recoded(&self) -> PathBuf {
        self.folder.join("recoded.tzst")
    }
}
