//! Images of store paths, and what is known of the paths in an image.

use std::collections::{BTreeMap, BTreeSet};

use snowbank_nix::closure::Closure;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;

use super::plan::{ImagePlan, LayerContent, PlannedLayer};
use super::{history_of, name_of};
use crate::config::{ImageConfig, Timestamp};
use crate::descriptor::Platform;
use crate::made::is_made;
use crate::plan::{PlanError, PlanOptions, PlannedGroup, plan};

/// Plans an image of a closure.
///
/// # Errors
/// When the closure does not fit into so many layers.
pub fn plan_paths(
    closure: &Closure,
    options: &PlanOptions<'_>,
    config: ImageConfig,
    platform: Platform,
    created: Timestamp,
) -> Result<ImagePlan, PlanError> {
    let layer = |PlannedGroup { name, layer }: PlannedGroup| PlannedLayer {
        name,
        history: history_of(&layer, &created),
        content: LayerContent::Paths(layer),
        diff_id: None,
        stored: None,
    };
    let layers = plan(closure, options)?.into_iter().map(layer).collect();
    Ok(ImagePlan { config, layers, platform, created: Some(created), annotations: BTreeMap::new() })
}

impl ImagePlan {
    /// The store paths whose content is in it; those that were made in memory, as for a Nix database, are none.
    #[must_use]
    pub fn paths(&self) -> BTreeSet<&StorePath> {
        let files = self.layers.iter().filter_map(|layer| match &layer.content {
            LayerContent::Paths(_) => None,
            LayerContent::File(file) => Some(&file.path),
        });
        let specs = self.layers.iter().filter_map(|layer| match &layer.content {
            LayerContent::Paths(spec) if !is_made(spec) => Some(spec),
            _ => None,
        });
        specs.flat_map(|spec| spec.paths.iter().map(|path| &path.path)).chain(files).collect()
    }

    /// Fills in the hashes of the paths in layers of which they are known, and calls layers by their largest path.
    pub fn fill_in(&mut self, infos: &BTreeMap<StorePath, PathInfo>) {
        for layer in &mut self.layers {
            let LayerContent::Paths(spec) = &mut layer.content else { continue };
            for path in &mut spec.paths {
                path.nar_hash = infos.get(&path.path).map(|info| info.nar_hash);
            }
            let known = spec.paths.iter().filter_map(|path| infos.get(&path.path));
            let largest = known.max_by_key(|info| info.nar_size).map(|info| info.path.name().to_owned());
            layer.name = match (largest, spec.paths.len()) {
                (Some(largest), 2..) => format!("{largest} and {} more", spec.paths.len() - 1),
                _ => name_of(spec),
            };
        }
    }
}
