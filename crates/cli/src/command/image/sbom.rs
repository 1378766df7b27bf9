//! Lists of what is in the images, attached to what was pushed.

use std::sync::Arc;

use serde::Serialize;
use snowbank_nix::store_path::StoreDir;
use snowbank_oci::descriptor::Descriptor;
use snowbank_oci::digest::Digest;
use snowbank_oci::push::Outcome;
use snowbank_oci::sbom::{Attached, Contents, Format, SbomError, attach};
use snowbank_oci::target::Target;

use super::destination::Opened;
use super::plans::Plans;
use crate::args::image as args;
use crate::command::client::Progress;
use crate::error::{CliError, Result};

/// Checks, before anything is done, that the destination keeps what is attached to an image.
///
/// # Errors
/// When it does not.
pub(super) fn check(asked: &[args::Sbom], to: &str) -> Result<()> {
    if asked.is_empty() || !matches!(Target::parse(to), Ok(Target::Archive { .. })) {
        return Ok(());
    }
    Err(CliError::usage("an archive for Docker holds images only, and no SBOM of them")
        .hint("push to a registry or to oci:DIR:TAG, or leave --sbom out"))
}

/// The lists that are wanted of each image.
pub(super) struct Sboms {
    formats: Vec<Format>,
    /// What is in each image; nothing where no list is wanted.
    contents: Vec<Arc<Contents>>,
    architectures: Vec<String>,
}

/// A list that is attached to an image.
#[derive(Serialize)]
pub(super) struct Referrer {
    /// The image's manifest.
    subject: Option<Digest>,
    architecture: String,
    #[serde(flatten)]
    attached: Attached,
}

impl Sboms {
    /// What the arguments ask for; warns of what a list cannot say.
    pub(super) fn new(asked: &[args::Sbom], plans: &Plans, dir: &StoreDir, progress: &Progress) -> Self {
        let mut formats: Vec<Format> = asked.iter().map(|&one| format(one)).collect();
        formats.sort();
        formats.dedup();
        let images = plans.images.iter().filter(|_| !formats.is_empty());
        let contents: Vec<_> = images.map(|image| Arc::new(Contents::of(image, &plans.infos, dir))).collect();
        for gaps in contents.iter().filter_map(|contents| contents.gaps()) {
            progress.warn(&format!("the SBOM is not complete: {gaps}"));
        }
        let architectures = plans.images.iter().map(|image| image.platform.architecture.clone()).collect();
        Self { formats, contents, architectures }
    }

    /// What would be attached; what is there already is not asked for.
    pub(super) fn wanted(&self) -> Vec<Referrer> {
        let of = |(_, architecture): (&Arc<Contents>, &String)| {
            let referrer = |&format: &Format| Referrer {
                subject: None,
                architecture: architecture.clone(),
                attached: Attached::wanted(format),
            };
            self.formats.iter().map(referrer).collect::<Vec<_>>()
        };
        self.contents.iter().zip(&self.architectures).flat_map(of).collect()
    }

    /// Attaches them to the images, which were pushed: `images` are their manifests, `pushed` is what the tag names.
    ///
    /// # Errors
    /// When the destination does not take one of them. The image is there all the same, and the error says so.
    pub(super) async fn attach(
        &self,
        to: &Opened,
        images: &[Descriptor],
        pushed: Digest,
        progress: &Progress,
    ) -> Result<Vec<Referrer>> {
        let mut referrers = Vec::new();
        for ((contents, architecture), image) in self.contents.iter().zip(&self.architectures).zip(images) {
            let attached = attach(&*to.destination, image, to.repository(), contents, &self.formats).await;
            for attached in attached.map_err(|error| failed(error, to, pushed))? {
                let architecture = architecture.clone();
                let referrer = Referrer { subject: Some(image.digest), architecture, attached };
                progress.say(referrer.line());
                referrers.push(referrer);
            }
        }
        Ok(referrers)
    }
}

impl Referrer {
    /// The line of a list.
    pub(super) fn line(&self) -> String {
        let Attached { media_type, digest, outcome, .. } = &self.attached;
        let digest = digest.map(|digest| format!(" {digest}")).unwrap_or_default();
        let word = match outcome {
            Outcome::Exists => "exists",
            Outcome::Missing => "would be attached",
            Outcome::Mounted | Outcome::Uploaded => "attached",
        };
        format!("sbom of {} {word}{digest}, {media_type}", self.architecture)
    }
}

fn failed(error: SbomError, to: &Opened, pushed: Digest) -> CliError {
    let name = to.destination.name();
    let failed = CliError::failed(format!("{name} has the image {pushed}, and its SBOM was not attached"));
    match error {
        SbomError::Destination(mut error) => {
            let hint = error.hint.take();
            let failed = failed.because(error);
            match hint {
                Some(hint) => failed.hint(hint),
                None => failed,
            }
        }
        error => failed.because(error),
    }
    .hint("the same push again sends what is missing and nothing else")
}

fn format(asked: args::Sbom) -> Format {
    match asked {
        args::Sbom::Spdx => Format::Spdx,
        args::Sbom::Cyclonedx => Format::CycloneDx,
    }
}
