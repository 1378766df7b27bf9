//! The service that gives tokens for a registry (Docker's token authentication specification).

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::DockerRegistry;

pub(super) const SERVICE: &str = "registry.test";
pub(super) const ISSUER: &str = "issuer.test";

/// Gives everything to whoever has the password.
#[derive(Debug)]
pub(super) struct Tokens {
    address: SocketAddr,
    certificate: String,
    _stop: oneshot::Sender<()>,
}

struct Signer {
    key: EncodingKey,
    header: Header,
}

impl Tokens {
    pub(super) fn start() -> Self {
        let made = rcgen::generate_simple_self_signed([ISSUER.to_owned()]).expect("a certificate");
        let key = EncodingKey::from_ec_pem(made.signing_key.serialize_pem().as_bytes()).expect("a key");
        let mut header = Header::new(Algorithm::ES256);
        header.x5c = Some(vec![STANDARD.encode(made.cert.der())]);
        let signer = Arc::new(Signer { key, header });
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener can be polled");
        let address = listener.local_addr().expect("a listener has an address");
        let (stop, stopped) = oneshot::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = serve(listener, signer) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, certificate: made.cert.pem(), _stop: stop }
    }

    pub(super) fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }
}

async fn serve(listener: tokio::net::TcpListener, signer: Arc<Signer>) {
    while let Ok((stream, _)) = listener.accept().await {
        let signer = Arc::clone(&signer);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(&signer, &request);
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            // The client may hang up.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer<B>(signer: &Signer, request: &Request<B>) -> Response<Full<Bytes>> {
    let login = STANDARD.encode(format!("{}:{}", DockerRegistry::USER, DockerRegistry::SECRET));
    let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if shown != Some(format!("Basic {login}").as_str()) {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
        return answer;
    }
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let scopes = url::form_urlencoded::parse(query).filter(|(key, _)| key == "scope");
    let access: Vec<_> = scopes.filter_map(|(_, scope)| access(&scope)).collect();
    let now = get_current_timestamp();
    let claims = json!({
        "iss": ISSUER, "sub": DockerRegistry::USER, "aud": SERVICE,
        "exp": now + 300, "nbf": now - 10, "iat": now, "jti": now.to_string(), "access": access,
    });
    let token = encode(&signer.header, &claims, &signer.key).expect("a token");
    Response::new(Full::from(json!({"token": token, "expires_in": 300}).to_string()))
}

/// `repository:NAME:pull,push`
fn access(scope: &str) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    Some(json!({"type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>()}))
}
