//! CycloneDX 1.5 as JSON. Source: the CycloneDX specification and its `bom-1.5.schema.json`.

use std::io;

use serde::{Serialize, Serializer};

use super::Image;
use super::contents::{Contents, Item};
use crate::config::Timestamp;

/// What the image is called in the document; no store path is called so.
const IMAGE: &str = "image";

/// Writes the document; `id` is the URN that is its alone.
///
/// # Errors
/// When it cannot be written to `out`.
pub(super) fn write(
    contents: &Contents,
    image: &Image,
    id: &str,
    out: &mut dyn io::Write,
) -> serde_json::Result<()> {
    let (name, digest, gaps) = (image.name(), image.manifest.to_string(), contents.gaps());
    let note = |name, value: &str| Property { name, value: value.to_owned() };
    let mut properties = vec![note("dev.snowbank:hashes", "of the store paths' NARs")];
    properties.extend(gaps.as_ref().map(|gaps| note("dev.snowbank:gaps", gaps)));
    serde_json::to_writer(
        out,
        &Bom {
            bom_format: "CycloneDX",
            spec_version: "1.5",
            serial_number: id,
            version: 1,
            metadata: Metadata {
                timestamp: &contents.created,
                tools: Tools { components: [Tool { kind: "application", name: "snowbank" }] },
                component: Component {
                    kind: "container",
                    bom_ref: IMAGE,
                    name: &name,
                    version: &digest,
                    hashes: None,
                    purl: image.purl(&contents.platform.architecture),
                    properties: Vec::new(),
                },
                properties,
            },
            components: Components(contents),
            dependencies: Dependencies(contents),
            compositions: [Composition {
                aggregate: if gaps.is_none() { "complete" } else { "incomplete" },
                assemblies: [IMAGE],
            }],
        },
    )
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: &'a str,
    version: u32,
    metadata: Metadata<'a>,
    components: Components<'a>,
    dependencies: Dependencies<'a>,
    compositions: [Composition; 1],
}

#[derive(Serialize)]
struct Metadata<'a> {
    timestamp: &'a Timestamp,
    tools: Tools,
    component: Component<'a>,
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Tools {
    components: [Tool; 1],
}

#[derive(Serialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
}

#[derive(Serialize)]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    bom_ref: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashes: Option<[Hash; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Composition {
    aggregate: &'static str,
    assemblies: [&'static str; 1],
}

/// The paths, written one by one so that they are never all in memory.
struct Components<'a>(&'a Contents);

impl Serialize for Components<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.paths.iter().map(|item| component(self.0, item)))
    }
}

fn component<'a>(contents: &Contents, item: &'a Item) -> Component<'a> {
    let full = |path| contents.dir.display(path).to_string();
    let details = item.details.as_ref();
    let deriver = details.and_then(|details| details.deriver.as_ref()).map(full);
    let size = details.map(|details| details.nar_size).filter(|size| *size > 0);
    // The first two names are those that sbomnix gives the same facts.
    let properties = [
        Some(("nix:output_path", full(&item.path))),
        deriver.map(|deriver| ("nix:drv_path", deriver)),
        size.map(|size| ("nix:nar_size", size.to_string())),
    ];
    Component {
        // The format's word for what is not known closer.
        kind: "application",
        bom_ref: item.path.base_name(),
        name: &item.name,
        version: &item.version,
        hashes: item.nar_hash.map(|hash| [Hash { alg: "SHA-256", content: hex::encode(hash.bytes()) }]),
        purl: None,
        properties: properties.into_iter().flatten().map(|(name, value)| Property { name, value }).collect(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency<'a> {
    #[serde(rename = "ref")]
    of: &'a str,
    depends_on: Vec<&'a str>,
}

/// What the image and the paths in it depend on. A path of which that is not known is not there: an empty list says that it
/// depends on nothing.
struct Dependencies<'a>(&'a Contents);

impl Serialize for Dependencies<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let roots = self.0.roots().into_iter().map(|item| item.path.base_name()).collect();
        let image = Dependency { of: IMAGE, depends_on: roots };
        let paths = self.0.paths.iter().filter_map(|item| {
            let references = item.details.as_ref()?.references.iter();
            let depends_on = references.map(|&at| self.0.paths[at].path.base_name()).collect();
            Some(Dependency { of: item.path.base_name(), depends_on })
        });
        serializer.collect_seq(std::iter::once(image).chain(paths))
    }
}
