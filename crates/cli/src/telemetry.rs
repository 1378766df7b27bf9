//! Traces, sent by OTLP over HTTP. OpenTelemetry's own variables count where they are set, then the settings; without
//! an endpoint nothing is collected.
//!
//! Spans wait in a queue of 2048 (`OTEL_BSP_MAX_QUEUE_SIZE`) for a thread that sends them; what finds it full is dropped.
//! So a collector that is away costs neither time nor memory that grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use snowbank_server::settings;
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Layer;

use crate::error::{CliError, Result};

/// How long one batch may take to be sent.
const SEND: Duration = Duration::from_secs(10);
/// How long the end of the program waits for the last batch.
const LAST: Duration = Duration::from_secs(3);
/// Bytes of a collector's answer that are read.
const ANSWER: usize = 64 << 10;
/// Where traces go below a collector's base URL. Source: the OTLP specification, "OTLP/HTTP Request".
const PATH: &str = "v1/traces";
/// Either names an endpoint.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// Traces that are collected and sent.
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

/// A layer that collects traces.
type Collecting = Box<dyn Layer<Registry> + Send + Sync>;

impl Telemetry {
    /// Begins to collect, if an endpoint is named. Must be called on the runtime that is to send.
    pub(crate) fn start(settings: &settings::Telemetry) -> Result<(Self, Option<Collecting>)> {
        let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let named = ENDPOINTS.iter().any(|name| set(name));
        let disabled =
            std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        if disabled || (settings.endpoint.is_empty() && !named) {
            return Ok((Self(None), None));
        }
        let failed = || CliError::failed("could not set up the export of traces");
        let client = reqwest::Client::builder().timeout(SEND).build().map_err(|e| failed().because(e))?;
        let sender = Sender { client, runtime: Handle::current(), away: Arc::default() };
        let mut exporter = SpanExporter::builder().with_http().with_http_client(sender);
        if !named {
            let base = settings.endpoint.trim_end_matches('/');
            exporter = exporter.with_endpoint(format!("{base}/{PATH}"));
        }
        let exporter = exporter.build().map_err(|error| {
            failed().because(error).hint("telemetry.endpoint is the base URL of a collector that takes OTLP over HTTP, as in http://127.0.0.1:4318")
        })?;
        let mut resource = Resource::builder();
        if !set("OTEL_SERVICE_NAME") {
            resource = resource.with_service_name(settings.service_name.clone());
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        // Only what the server itself does: the spans of the client that sends them would never end.
        let own = Targets::new().with_target("snowbank", LevelFilter::INFO);
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("snowbank"))
            .with_location(false)
            .with_threads(false)
            .with_filter(own);
        Ok((Self(Some(provider)), Some(layer.boxed())))
    }

    /// Sends what is left, or gives up after three seconds.
    pub(crate) async fn end(self) {
        let Self(Some(provider)) = self else { return };
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::debug!("the last traces were not sent");
        }
    }
}

/// Sends from any thread by way of the program's runtime.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    /// Whether the last batch could not be sent: the log says so once.
    away: Arc<AtomicBool>,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        let (client, away) = (self.client.clone(), Arc::clone(&self.away));
        let sent = self.runtime.spawn(async move {
            let sent = send(&client, request).await;
            match &sent {
                Ok(_) => away.store(false, Ordering::Relaxed),
                Err(error) if !away.swap(true, Ordering::Relaxed) => {
                    tracing::warn!(%error, "traces could not be sent: they are dropped until they can be");
                }
                Err(_) => {}
            }
            sent
        });
        Ok(sent.await??)
    }
}

async fn send(client: &reqwest::Client, request: Request<Bytes>) -> reqwest::Result<Response<Bytes>> {
    let (parts, body) = request.into_parts();
    let sending = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
    // A URL may hold a password.
    let mut answer = sending.send().await.map_err(reqwest::Error::without_url)?;
    let mut bytes = BytesMut::new();
    while let Some(part) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        let room = ANSWER.saturating_sub(bytes.len());
        bytes.extend_from_slice(&part[..part.len().min(room)]);
        if part.len() > room {
            break;
        }
    }
    let mut response = Response::new(bytes.freeze());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}
