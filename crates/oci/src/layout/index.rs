//! The `index.json` of a layout. What other tools wrote into it stays as it is.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::descriptor::{Descriptor, media_type};
use crate::json::go;
use crate::json::read::{JsonError, read};
use crate::manifest::{LIMITS, MOST_ENTRIES};

/// The annotation that holds a manifest's tag.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Why a folder is no layout that can be written to.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A layout of another version.
    #[error("its `oci-layout` is of version {0:?}, and only 1 is known")]
    Version(String),
    /// A file is not the JSON that it should be.
    #[error("its `{file}` cannot be read; another program may have damaged it")]
    Json {
        /// Which.
        file: &'static str,
        /// Why.
        #[source]
        source: JsonError,
    },
    /// The index has no list of manifests.
    #[error("its `index.json` has no list of manifests; another program may have damaged it")]
    NoList,
    /// An entry of the index is no descriptor.
    #[error("its `index.json` says of {tag} what is not valid")]
    Entry {
        /// The entry's tag.
        tag: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// More images than a folder may hold.
    #[error("its `index.json` would name more than {MOST_ENTRIES} manifests; begin another folder")]
    Full,
    /// It cannot be written.
    #[error("its `index.json` cannot be written")]
    Write(#[source] serde_json::Error),
}

/// The index of a layout.
#[derive(Debug, PartialEq)]
pub(super) struct LayoutIndex(Map<String, Value>);

impl LayoutIndex {
    /// Reads an index; an empty one where there is none.
    ///
    /// # Errors
    /// When it is no index.
    pub(super) fn parse(bytes: Option<&[u8]>) -> Result<Self, LayoutError> {
        let map = match bytes {
            Some(bytes) => {
                read(bytes, &LIMITS).map_err(|source| LayoutError::Json { file: "index.json", source })?
            }
            None => Map::from_iter([
                ("schemaVersion".to_owned(), json!(2)),
                ("mediaType".to_owned(), json!(media_type::INDEX)),
                ("manifests".to_owned(), json!([])),
            ]),
        };
        if map.get("manifests").is_some_and(Value::is_array) {
            Ok(Self(map))
        } else {
            Err(LayoutError::NoList)
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// When they cannot be written, which does not happen.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, LayoutError> {
        go::to_vec(&self.0).map_err(LayoutError::Write)
    }

    fn entries(&self) -> &[Value] {
        self.0.get("manifests").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// What a tag names; of several, which a sound index does not have, the first.
    ///
    /// # Errors
    /// When the entry is no descriptor.
    pub(super) fn find(&self, tag: &str) -> Result<Option<Descriptor>, LayoutError> {
        let found = self.entries().iter().find(|entry| tag_of(entry) == Some(tag));
        found
            .map(Descriptor::deserialize)
            .transpose()
            .map_err(|source| LayoutError::Entry { tag: tag.to_owned(), source })
    }

    /// The entries that are said to be no images, at most as many as are written; those that are no descriptors are passed over.
    pub(super) fn artifacts(&self) -> Vec<Descriptor> {
        let all = self.entries().iter().filter_map(|entry| Descriptor::deserialize(entry).ok());
        all.filter(|entry| entry.artifact_type.is_some()).take(MOST_ENTRIES).collect()
    }

    /// Has a tag name a manifest, and nothing else any more; or names a manifest without a tag, once.
    ///
    /// # Errors
    /// When there would be too many.
    pub(super) fn add(&mut self, mut descriptor: Descriptor, tag: Option<&str>) -> Result<(), LayoutError> {
        if let Some(tag) = tag {
            descriptor.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
        }
        let new = serde_json::to_value(descriptor).map_err(LayoutError::Write)?;
        let list = self.0.get_mut("manifests").and_then(Value::as_array_mut).ok_or(LayoutError::NoList)?;
        list.retain(|entry| match tag {
            Some(tag) => tag_of(entry) != Some(tag),
            None => tag_of(entry).is_some() || entry.get("digest") != new.get("digest"),
        });
        if list.len() >= MOST_ENTRIES {
            return Err(LayoutError::Full);
        }
        list.push(new);
        Ok(())
    }
}

fn tag_of(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REF_NAME)?.as_str()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::digest::Digest;

    fn descriptor(content: &[u8]) -> Descriptor {
        Descriptor {
            media_type: media_type::MANIFEST.to_owned(),
            digest: Digest::of(content),
            size: content.len() as u64,
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }

    #[test]
    fn a_tag_names_one_manifest() {
        let mut index = LayoutIndex::parse(None).unwrap();
        index.add(descriptor(b"1"), Some("a")).unwrap();
        index.add(descriptor(b"1"), Some("b")).unwrap();
        index.add(descriptor(b"2"), Some("a")).unwrap();
        index.add(descriptor(b"3"), None).unwrap();
        index.add(descriptor(b"3"), None).unwrap();
        let index = LayoutIndex::parse(Some(&index.to_bytes().unwrap())).unwrap();
        assert_eq!(index.find("a").unwrap().unwrap().digest, Digest::of(b"2"));
        assert_eq!(index.find("b").unwrap().unwrap().digest, Digest::of(b"1"));
        assert_eq!(index.find("c").unwrap(), None);
        assert_eq!(index.entries().len(), 3);
    }

    #[test]
    fn what_others_wrote_stays() {
        let text = r#"{"extra":[1],"manifests":[{"annotations":{"x":"y"},"data":"ZQ==","digest":"sha512:0"}],"schemaVersion":2}"#;
        let mut index = LayoutIndex::parse(Some(text.as_bytes())).unwrap();
        assert_eq!(index.to_bytes().unwrap(), text.as_bytes());
        index.add(descriptor(b"1"), Some("a")).unwrap();
        assert!(
            String::from_utf8(index.to_bytes().unwrap())
                .unwrap()
                .contains(r#""data":"ZQ==","digest":"sha512:0""#)
        );
    }

    #[test]
    fn damage_is_told() {
        for text in ["", "[]", "{}", r#"{"manifests":{}}"#] {
            assert!(LayoutIndex::parse(Some(text.as_bytes())).is_err(), "{text}");
        }
        let text = format!(r#"{{"manifests":[{{"annotations":{{"{REF_NAME}":"a"}},"digest":7}}]}}"#);
        let index = LayoutIndex::parse(Some(text.as_bytes())).unwrap();
        assert!(matches!(index.find("a"), Err(LayoutError::Entry { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(index) = LayoutIndex::parse(Some(&bytes)) {
                drop(index.artifacts());
            }
        }
    }
}
