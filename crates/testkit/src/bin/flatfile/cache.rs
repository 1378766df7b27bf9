//! Which files there are: kept in memory only, for the flat file server forgets with its process.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

use crate::invalid;

/// The files and their keys, in the order of creation.
pub(crate) struct Cache {
    folder: PathBuf,
    url: String,
    entries: Mutex<Vec<Entry>>,
}

struct Entry {
    key: String,
    version: String,
    ready: bool,
}

impl Cache {
    pub(crate) fn new(folder: PathBuf, url: String) -> Self {
        Self { folder, url, entries: Mutex::default() }
    }

    /// Reserves an entry and names its file.
    pub(crate) fn create(&self, call: &Value) -> io::Result<Value> {
        let (key, version) = names(call)?;
        let mut entries = self.lock();
        if entries.iter().any(|entry| entry.key == key && entry.version == version) {
            return Ok(json!({"ok": false, "message": "cache entry already exists"}));
        }
        let id = entries.len();
        File::create(self.folder.join(id.to_string()))?;
        entries.push(Entry { key, version, ready: false });
        Ok(json!({"ok": true, "signed_upload_url": self.url_of(id)}))
    }

    /// Makes the file durable, then the entry visible.
    pub(crate) fn finalize(&self, call: &Value) -> io::Result<Value> {
        let (key, version) = names(call)?;
        let size: u64 = call["size_bytes"].as_str().and_then(|size| size.parse().ok()).unwrap_or_default();
        let id =
            self.lock().iter().position(|entry| entry.key == key && entry.version == version && !entry.ready);
        let id = id.ok_or_else(|| invalid("no such upload"))?;
        let file = File::open(self.folder.join(id.to_string()))?;
        if file.metadata()?.len() != size {
            return Err(invalid("the size is not that of the upload"));
        }
        file.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        self.lock()[id].ready = true;
        Ok(json!({"ok": true, "entry_id": (id + 1).to_string()}))
    }

    /// The exact key, else the newest that one of the keys begins.
    pub(crate) fn look_up(&self, call: &Value) -> io::Result<Value> {
        let (key, version) = names(call)?;
        let prefixes = call["restore_keys"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let entries = self.lock();
        let ready =
            || entries.iter().enumerate().rev().filter(|(_, entry)| entry.ready && entry.version == version);
        let found = ready().find(|(_, entry)| entry.key == key).or_else(|| {
            [key.as_str()]
                .into_iter()
                .chain(prefixes)
                .find_map(|prefix| ready().find(|(_, entry)| entry.key.starts_with(prefix)))
        });
        Ok(match found {
            Some((id, entry)) => {
                json!({"ok": true, "signed_download_url": self.url_of(id), "matched_key": entry.key})
            }
            None => json!({"ok": false}),
        })
    }

    /// The file behind a URL's path.
    pub(crate) fn file(&self, path: &str) -> io::Result<File> {
        let id: usize = path
            .strip_prefix("/flat/file/")
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| invalid("no such path"))?;
        fs::OpenOptions::new().read(true).write(true).open(self.folder.join(id.to_string()))
    }

    /// The upload client wants two segments and a query.
    fn url_of(&self, id: usize) -> String {
        format!("{}/flat/file/{id}?sig=none", self.url)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn names(call: &Value) -> io::Result<(String, String)> {
    match (call["key"].as_str(), call["version"].as_str()) {
        (Some(key), Some(version)) => Ok((key.to_owned(), version.to_owned())),
        _ => Err(invalid("a key and a version are needed")),
    }
}
