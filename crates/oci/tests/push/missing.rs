//! Store paths that are not there, or not whole.

use std::error::Error;

use snowbank_oci::push::{Outcome, PushError};

use crate::scene::{How, NAME, Scene, outcomes, plan};

/// An error and all its causes.
fn told(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn paths_that_are_not_there_are_named_before_anything_is_sent() {
    let scene = Scene::new();
    scene.nars.gone.lock().unwrap().insert("b".to_owned());
    let error = scene.try_push(&plan(&["a", "b"]), &How::default()).await.unwrap_err();
    assert!(matches!(&error, PushError::Missing(paths) if paths.len() == 1), "{error}");
    assert!(error.to_string().contains("-b"), "{error}");
    assert_eq!(scene.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn paths_of_layers_that_are_pushed_need_not_be_there() {
    let scene = Scene::new();
    scene.push(&plan(&["a", "b"]), &How::default()).await;
    scene.nars.gone.lock().unwrap().extend(["base", "b"].map(str::to_owned));
    let report = scene.push(&plan(&["b", "c"]), &How::default()).await;
    assert_eq!(outcomes(&report), [Outcome::Exists, Outcome::Exists, Outcome::Uploaded]);
}

#[tokio::test]
async fn a_path_that_breaks_off_names_its_layer_and_leaves_nothing() {
    let scene = Scene::new();
    scene.nars.broken.lock().unwrap().insert("large".to_owned());
    let error = scene.try_push(&plan(&["large"]), &How::default()).await.unwrap_err();
    let told = told(&error);
    assert!(told.contains("layer of large") && told.contains("-large"), "{told}");
    assert_eq!(scene.stand_in.manifest(NAME, "v1"), None);
    // The layer that is a file may have gone.
    assert!(scene.stand_in.blobs(NAME).len() <= 1);
}
