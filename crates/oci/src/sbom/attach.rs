//! A list as a manifest that is attached to an image's.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{Contents, Format, Image, SbomError, write};
use crate::blob::BytesBlob;
use crate::descriptor::{Descriptor, media_type};
use crate::destination::Destination;
use crate::digest::Digest;
use crate::manifest::ImageManifest;
use crate::push::Outcome;

/// The annotation that says whether all was known of the paths that are listed: `all` or `part`.
pub const KNOWN: &str = "dev.snowbank.sbom.known";
const ALL: &str = "all";
const PART: &str = "part";
const CREATED: &str = "org.opencontainers.image.created";

/// A list that is attached to an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attached {
    /// Its media type.
    #[serde(rename = "type")]
    pub media_type: &'static str,
    /// The digest of the manifest that names it; none in a dry run.
    pub digest: Option<Digest>,
    /// Bytes of that manifest.
    pub size: Option<u64>,
    /// Whether it was there or was sent.
    pub outcome: Outcome,
}

/// Attaches a list of what is in an image, which is there, in each of the formats. What is there and says as much stays, and then
/// nothing is sent.
///
/// # Errors
/// When the destination does not take it, or there is too much for a list.
pub async fn attach(
    destination: &dyn Destination,
    subject: &Descriptor,
    repository: Option<String>,
    contents: &Arc<Contents>,
    formats: &[Format],
) -> Result<Vec<Attached>, SbomError> {
    // As it stands for itself, and not in an index.
    let subject = &Descriptor::new(&subject.media_type, subject.digest, subject.size);
    let there = destination.referrers(&subject.digest).await?;
    let image = Image { repository, manifest: subject.digest };
    let mut attached = Vec::new();
    for &format in formats {
        let outcome = match there.iter().find(|one| says_as_much(one, format, contents)) {
            Some(one) => of(format, one.digest, one.size, Outcome::Exists),
            None => send(destination, subject, &image, contents, format, &there).await?,
        };
        attached.push(outcome);
    }
    Ok(attached)
}

/// Whether a list of ours is one that need not be made again: which other facts a machine knows of the same paths, as which
/// derivation made them, is no reason for a second one.
fn says_as_much(there: &Descriptor, format: Format, contents: &Contents) -> bool {
    let known = there.annotations.get(KNOWN).map(String::as_str);
    there.artifact_type.as_deref() == Some(format.media_type())
        && (known == Some(ALL) || known == Some(PART) && contents.unknown() > 0)
}

async fn send(
    destination: &dyn Destination,
    subject: &Descriptor,
    image: &Image,
    contents: &Arc<Contents>,
    format: Format,
    there: &[Descriptor],
) -> Result<Attached, SbomError> {
    let (owned, of_image) = (Arc::clone(contents), image.clone());
    let document = tokio::task::spawn_blocking(move || write(format, &owned, &of_image).map(BytesBlob::new));
    let (document, config) = (document.await??, BytesBlob::new(Bytes::from_static(b"{}")));
    let known = if contents.unknown() == 0 { ALL } else { PART };
    let manifest = ImageManifest {
        media_type: media_type::MANIFEST.to_owned(),
        artifact_type: Some(format.media_type().to_owned()),
        config: described(&config, media_type::EMPTY),
        layers: vec![described(&document, format.media_type())],
        subject: Some(subject.clone()),
        annotations: BTreeMap::from([
            (CREATED.to_owned(), contents.created.to_string()),
            (KNOWN.to_owned(), known.to_owned()),
        ]),
    };
    let manifest = manifest.to_manifest()?;
    let size = manifest.bytes.len() as u64;
    // Where a registry tells of digests alone.
    if there.iter().any(|one| one.digest == manifest.digest) {
        return Ok(of(format, manifest.digest, size, Outcome::Exists));
    }
    for blob in [&config, &document] {
        let (digest, size) = blob.described();
        if destination.has(&digest).await? != Some(size) {
            destination.put(blob).await?;
        }
    }
    destination.put_referrer(subject, &manifest).await?;
    Ok(of(format, manifest.digest, size, Outcome::Uploaded))
}

fn described(blob: &BytesBlob, media_type: &str) -> Descriptor {
    let (digest, size) = blob.described();
    Descriptor::new(media_type, digest, size)
}

fn of(format: Format, digest: Digest, size: u64, outcome: Outcome) -> Attached {
    Attached { media_type: format.media_type(), digest: Some(digest), size: Some(size), outcome }
}

impl Attached {
    /// What a dry run says.
    #[must_use]
    pub const fn wanted(format: Format) -> Self {
        Self { media_type: format.media_type(), digest: None, size: None, outcome: Outcome::Missing }
    }
}
