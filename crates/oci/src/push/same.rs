//! Whether the image that is there says all that the new one says.

use super::known::Known;
use super::{Push, PushError};
use crate::descriptor::Descriptor;
use crate::destination::Manifest;
use crate::image::{Assembled, assemble};
use crate::manifest::ImageManifest;
use crate::record::LayerRecord;

impl Push<'_> {
    /// The image as it comes to be. Where the one that is there is the same and only knows more of its layers, it stays: a
    /// machine without the store paths does not know their hashes.
    pub(super) fn assembled(&self, known: &Known, records: &[LayerRecord]) -> Result<Assembled, PushError> {
        let assembled = assemble(self.plan, records)?;
        let stays = known.manifest.as_ref().filter(|there| says_all(there, &assembled.manifest));
        let manifest = stays.unwrap_or(&assembled.manifest).clone();
        Ok(Assembled { manifest, ..assembled })
    }
}

fn says_all(there: &Manifest, new: &Manifest) -> bool {
    let (Ok(there), Ok(new)) = (ImageManifest::parse(there), ImageManifest::parse(new)) else { return false };
    let bare = |manifest: &ImageManifest| {
        let layers = manifest
            .layers
            .iter()
            .map(|layer| Descriptor { annotations: Default::default(), ..layer.clone() });
        ImageManifest { layers: layers.collect(), ..manifest.clone() }
    };
    let mut layers = there.layers.iter().zip(&new.layers);
    bare(&there) == bare(&new)
        && layers.all(|(there, new)| {
            new.annotations.iter().all(|(name, value)| there.annotations.get(name) == Some(value))
        })
}
