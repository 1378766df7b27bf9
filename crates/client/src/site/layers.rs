//! What a cache knows of layers of images.

use std::collections::HashSet;

use bytes::Bytes;
use prost::Message;
use reqwest::Method;
use snowbank_actions::client::ClientError;
use snowbank_binary_cache::bulk::{Layers, LayersWanted, MAX_LAYERS, ToldLayer, WireLayer};

use super::Site;

/// What is attempted, for errors.
const ASK: &str = "ask what is known of layers";

/// Bytes of the largest answer: each layer takes some 130.
const MOST: usize = MAX_LAYERS * 192;

impl Site {
    /// What is known of the layers of these keys, in no order; what was not asked for is left. One request for each 2048.
    ///
    /// # Errors
    /// When the server does not answer, or tells of a layer that cannot be.
    pub async fn known_layers(&self, keys: &[[u8; 32]]) -> Result<Vec<ToldLayer>, ClientError> {
        let mut known = Vec::new();
        for keys in keys.chunks(MAX_LAYERS) {
            let question = LayersWanted { keys: keys.concat() };
            let Layers { layers } = self.ask(ASK, "layers/known", &question, MOST).await?;
            let layers: Vec<ToldLayer> =
                layers.into_iter().map(ToldLayer::try_from).collect::<Result<_, _>>().map_err(|error| {
                    ClientError::Garbage { attempt: self.attempt(ASK), why: error.to_string() }
                })?;
            let mut asked: HashSet<&[u8; 32]> = keys.iter().collect();
            known.extend(layers.into_iter().filter(|layer| asked.remove(&layer.key)));
        }
        Ok(known)
    }

    /// Tells what layers came to. One request for each 2048.
    ///
    /// # Errors
    /// When the server does not answer, or does not let it be told.
    pub async fn note_layers(&self, layers: &[ToldLayer]) -> Result<(), ClientError> {
        for layers in layers.chunks(MAX_LAYERS) {
            let message = Layers { layers: layers.iter().map(WireLayer::from).collect() };
            let body = Bytes::from(message.encode_to_vec());
            self.send("tell what layers came to", Method::POST, "layers", body, 1 << 10).await?;
        }
        Ok(())
    }
}
