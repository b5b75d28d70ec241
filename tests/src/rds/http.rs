//! HTTP/1.1 in front of the operations.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Shared;
use super::fields::Fields;
use super::operation::carry_out;
use super::refusal::Refusal;
use super::state::{Hang, Logged};

/// Serves one client until it leaves.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let answer = service_fn(move |request| answer(Arc::clone(&shared), request));
    // The error is that of a client which left.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let request = Fields::of_form(&String::from_utf8_lossy(&body));
    let operation = request.get("Action").unwrap_or_default().to_owned();
    let (result, hangs) = {
        let mut state = shared.state();
        let hangs = state.hangs.get(&operation).copied();
        let result = match state.refusal(&operation) {
            Some(refusal) => Err(refusal),
            None if hangs == Some(Hang::Before) => Ok(Fields::default()),
            None => carry_out(&mut state, &operation, &request),
        };
        let refused = result.as_ref().err().map(|refusal| refusal.code);
        state.log.push(Logged { operation: operation.clone(), request, refused });
        (result, hangs)
    };
    shared.changed.notify_all();
    if hangs.is_some() && result.is_ok() {
        pending::<()>().await;
    }
    Ok(reply(&operation, result))
}

fn reply(operation: &str, result: Result<Fields, Refusal>) -> Response<Full<Bytes>> {
    let (status, document) = match result {
        Ok(members) => (200, document(operation, &members)),
        Err(refusal) => (refusal.status, refusal.document()),
    };
    Response::builder()
        .status(status)
        .header("content-type", "text/xml")
        .body(Full::new(Bytes::from(document)))
        .expect("a valid status")
}

/// The result comes first, and is there even if it is empty: clients look for it in that place.
fn document(operation: &str, members: &Fields) -> String {
    let name = format!("{operation}Result");
    let mut result = String::new();
    members.write(&name, &mut result);
    if result.is_empty() {
        result = format!("<{name}/>");
    }
    let metadata = "<ResponseMetadata><RequestId>TESTKIT</RequestId></ResponseMetadata>";
    format!("<{operation}Response>{result}{metadata}</{operation}Response>")
}
