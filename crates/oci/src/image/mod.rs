//! Images as a whole: what is to be pushed, the manifest that it comes to, and what a pushed one tells.

mod assemble;
mod history;
mod learn;
mod paths;
mod plan;
#[cfg(test)]
mod samples;

pub use assemble::{AssembleError, Assembled, assemble};
pub use history::{history_of, name_of};
pub use learn::{LearnError, Learned, learn};
pub use paths::plan_paths;
pub use plan::{FileLayer, ImagePlan, LayerContent, PlannedLayer, StoredBlob, plan_json};

/// The annotation of a layer in a manifest that holds its [`LayerKey`](crate::record::LayerKey), so that a machine that has no
/// record of the layer learns it from the registry.
pub const LAYER_ANNOTATION: &str = "dev.snowbank.layer";
