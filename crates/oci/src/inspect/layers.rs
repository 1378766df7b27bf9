//! What a manifest and its config tell of each layer.

use std::collections::BTreeSet;

use snowbank_nix::store_path::StorePath;

use super::LayerView;
use crate::compression::Compression;
use crate::config::{ConfigFile, History};
use crate::descriptor::Descriptor;
use crate::image::{NAME_ANNOTATION, PATHS_ANNOTATION, decode_paths, paths_of, plain_name};
use crate::manifest::ImageManifest;

/// Store paths of an image that are kept, some 100 bytes each; layers beyond have unknown ones.
const MOST_PATHS: usize = 500_000;
/// Characters of what made a layer, where nothing better is known to call it.
const MOST_NAME: usize = 60;

/// The layers, where the config has as many.
pub(super) fn views(image: &ImageManifest, config: &ConfigFile) -> Vec<LayerView> {
    let history: Vec<&History> = config.history.iter().filter(|entry| !entry.empty_layer).collect();
    // Where it tells of more or fewer layers, nothing says which it means.
    let known = history.len() == image.layers.len();
    let mut left = MOST_PATHS;
    let layers = image.layers.iter().zip(&config.diff_ids).enumerate();
    layers
        .map(|(at, (layer, diff_id))| {
            let history = known.then(|| history[at]);
            let paths = paths(layer, history, left);
            left -= paths.as_ref().map_or(0, Vec::len);
            LayerView {
                number: at + 1,
                name: name(layer, history, paths.as_deref()),
                digest: layer.digest,
                size: layer.size,
                compression: Compression::of_media_type(&layer.media_type),
                diff_id: *diff_id,
                paths,
            }
        })
        .collect()
}

fn paths(layer: &Descriptor, history: Option<&History>, most: usize) -> Option<Vec<StorePath>> {
    let annotated = || decode_paths(layer.annotations.get(PATHS_ANNOTATION)?).ok();
    let told = if most == 0 { None } else { annotated().or_else(|| paths_of(history?)) }?;
    let paths: BTreeSet<StorePath> = told.into_iter().collect();
    (paths.len() <= most).then(|| paths.into_iter().collect())
}

fn name(layer: &Descriptor, history: Option<&History>, paths: Option<&[StorePath]>) -> String {
    if let Some(name) = layer.annotations.get(NAME_ANNOTATION).filter(|name| plain_name(name)) {
        return name.clone();
    }
    match paths {
        Some([path]) => path.name().to_owned(),
        Some(paths) => format!("{} paths", paths.len()),
        None => history.and_then(made_by).unwrap_or_else(|| "?".to_owned()),
    }
}

/// What made a layer, on one line.
fn made_by(history: &History) -> Option<String> {
    let words = history.created_by.chars().take(8 * MOST_NAME).collect::<String>();
    let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain: String = words.chars().filter(|one| !one.is_control()).collect();
    let text = match plain.char_indices().nth(MOST_NAME) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::encode_paths;
    use crate::inspect::samples::{config, image, path};

    #[test]
    fn annotations_come_before_the_history() {
        let (mut image, mut config) = (image(3), config(3));
        let (a, b) = (path('a', "a-1"), path('b', "b-1"));
        let told = encode_paths(&[&a, &b].into()).unwrap();
        image.layers[1].annotations.insert(PATHS_ANNOTATION.to_owned(), told);
        image.layers[1].annotations.insert(NAME_ANNOTATION.to_owned(), "mine".to_owned());
        image.layers[2].annotations.insert(PATHS_ANNOTATION.to_owned(), "x".to_owned());
        image.layers[2].annotations.insert(NAME_ANNOTATION.to_owned(), "\u{1b}[2J".to_owned());
        config.history[0].created_by = "RUN  \u{1b}[1m\n apt-get  install".to_owned();
        config.history[1].created_by = format!("store paths: {b}");
        config.history[2].created_by = format!("store paths: {b}");
        let views = views(&image, &config);
        let told: Vec<_> = views.iter().map(|view| (view.name.as_str(), view.paths.clone())).collect();
        assert_eq!(
            told,
            [("RUN [1m apt-get install", None), ("mine", Some(vec![a, b.clone()])), ("b-1", Some(vec![b])),]
        );
        assert_eq!(views.iter().map(|view| view.number).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_history_of_other_layers_tells_nothing() {
        let (image, mut config) = (image(1), config(1));
        config.history[0].created_by = format!("store paths: {}", path('a', "a"));
        config.history.push(config.history[0].clone());
        assert_eq!(views(&image, &config)[0].name, "?");
        config.history[1].empty_layer = true;
        assert_eq!(views(&image, &config)[0].name, "a");
    }

    #[test]
    fn what_made_a_layer_is_cut() {
        let by = |text: &str| made_by(&History { created_by: text.to_owned(), ..History::default() });
        assert_eq!(by(""), None);
        assert_eq!(by(&"ä".repeat(1000)), Some(format!("{}…", "ä".repeat(MOST_NAME))));
    }
}
