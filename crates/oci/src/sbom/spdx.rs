//! SPDX 2.3 as JSON. Source: the SPDX specification 2.3 and its `spdx-schema.json`.

use std::io;
use std::ops::Deref;

use serde::{Serialize, Serializer};

use super::Image;
use super::contents::{Contents, Item};
use crate::config::Timestamp;

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-image";

/// Writes the document; `id` is the URI that is its alone.
///
/// # Errors
/// When it cannot be written to `out`.
pub(super) fn write(
    contents: &Contents,
    image: &Image,
    id: &str,
    out: &mut dyn io::Write,
) -> serde_json::Result<()> {
    let ids = ids(contents);
    let name = image.name();
    serde_json::to_writer(
        out,
        &Document {
            spdx_version: "SPDX-2.3",
            data_license: "CC0-1.0",
            id: DOCUMENT,
            comment: contents.gaps(),
            document_namespace: id,
            creation_info: CreationInfo { created: time(&contents.created), creators: ["Tool: snowbank"] },
            packages: Packages { contents, image, ids: &ids, name: &name },
            relationships: Relationships { contents, ids: &ids },
            name: &name,
        },
    )
}

/// What each path is called in the document: by its hash, whose digits are those that may stand there. Paths of one hash, which
/// no store has, are counted.
fn ids(contents: &Contents) -> Vec<String> {
    let mut ids: Vec<String> = Vec::with_capacity(contents.paths.len());
    let mut same = 1;
    for (at, item) in contents.paths.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| contents.paths[at].path.hash_part());
        same = if before == Some(item.path.hash_part()) { same + 1 } else { 1 };
        let count = if same > 1 { format!("-{same}") } else { String::new() };
        ids.push(format!("SPDXRef-{}{count}", item.path.hash_part()));
    }
    ids
}

/// The format knows whole seconds of UTC alone. What cannot be told so is told as for store paths.
fn time(created: &Timestamp) -> Timestamp {
    created.whole_seconds().unwrap_or_else(Timestamp::of_store)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: &'a str,
    document_namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    creation_info: CreationInfo,
    packages: Packages<'a>,
    relationships: Relationships<'a>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: Timestamp,
    creators: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    #[serde(rename = "SPDXID")]
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version_info: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_file_name: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksums: Option<[Checksum; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_package_purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<[ExternalRef; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship<'a> {
    spdx_element_id: &'a str,
    relationship_type: &'static str,
    related_spdx_element: &'a str,
}

/// The packages, written one by one so that they are never all in memory.
struct Packages<'a> {
    contents: &'a Contents,
    image: &'a Image,
    ids: &'a [String],
    name: &'a str,
}

impl Serialize for Packages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digest = self.image.manifest.to_string();
        let purl = self.image.purl(&self.contents.platform.architecture);
        let image = Package {
            id: IMAGE,
            name: self.name,
            version_info: &digest,
            package_file_name: None,
            download_location: "NOASSERTION",
            files_analyzed: false,
            checksums: None,
            source_info: None,
            primary_package_purpose: Some("CONTAINER"),
            comment: None,
            external_refs: purl.map(|purl| {
                [ExternalRef {
                    reference_category: "PACKAGE-MANAGER",
                    reference_type: "purl",
                    reference_locator: purl,
                }]
            }),
        };
        let paths = self.contents.paths.iter().zip(self.ids);
        let paths = paths.map(|(item, id)| package(self.contents, item, id));
        serializer.collect_seq(std::iter::once(image).chain(paths))
    }
}

fn package<'a>(contents: &Contents, item: &'a Item, id: &'a str) -> Package<'a> {
    let details = item.details.as_ref();
    let size = details.map(|details| details.nar_size).filter(|size| *size > 0);
    let size = size.map(|size| format!(" of {size} bytes")).unwrap_or_default();
    Package {
        id,
        name: &item.name,
        version_info: &item.version,
        package_file_name: Some(contents.dir.display(&item.path).to_string()),
        download_location: "NOASSERTION",
        files_analyzed: false,
        checksums: item
            .nar_hash
            .map(|hash| [Checksum { algorithm: "SHA256", checksum_value: hex::encode(hash.bytes()) }]),
        source_info: details
            .and_then(|details| details.deriver.as_ref())
            .map(|deriver| format!("built by the derivation {}", contents.dir.display(deriver))),
        primary_package_purpose: None,
        comment: item.nar_hash.map(|_| format!("the checksum is that of the store path's NAR{size}")),
        external_refs: None,
    }
}

/// The relationships, written one by one: that the image contains each path, and which paths these depend on.
struct Relationships<'a> {
    contents: &'a Contents,
    ids: &'a [String],
}

impl Serialize for Relationships<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let related = |from, how, to| Relationship {
            spdx_element_id: from,
            relationship_type: how,
            related_spdx_element: to,
        };
        let contains = self.ids.iter().map(|id| related(IMAGE, "CONTAINS", id.deref()));
        let depends = self.contents.paths.iter().zip(self.ids).flat_map(|(item, id)| {
            let references = item.details.as_ref().map(|details| &details.references);
            references
                .into_iter()
                .flatten()
                .map(|&at| related(id.deref(), "DEPENDS_ON", self.ids[at].deref()))
        });
        let first = related(DOCUMENT, "DESCRIBES", IMAGE);
        serializer.collect_seq(std::iter::once(first).chain(contains).chain(depends))
    }
}
