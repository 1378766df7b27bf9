//! Images as a whole: what is to be pushed, the manifest that it comes to, and what a pushed one tells.

mod assemble;
mod history;
mod learn;
mod names;
mod paths;
mod plan;
#[cfg(test)]
mod samples;

pub use assemble::{AssembleError, Assembled, assemble};
pub use history::{history_of, name_of, paths_of};
pub use learn::{LearnError, Learned, learn};
pub use names::{PathsError, decode_paths, encode_paths, plain_name};
pub use paths::plan_paths;
pub use plan::{FileLayer, ImagePlan, LayerContent, PlannedLayer, StoredBlob, plan_json};

/// The annotation of a layer in a manifest that holds its [`LayerKey`](crate::record::LayerKey), so that a machine that has no
/// record of the layer learns it from the registry.
pub const LAYER_ANNOTATION: &str = "dev.snowbank.layer";
/// The annotation of a layer in a manifest that names the store paths in it, as [`encode_paths`] writes them.
pub const PATHS_ANNOTATION: &str = "dev.snowbank.paths";
/// The annotation of a layer in a manifest that says what people call it.
pub const NAME_ANNOTATION: &str = "dev.snowbank.name";
