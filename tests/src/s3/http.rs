//! HTTP/1.1 with keep-alive in front of the service.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::net::TcpStream;

use super::error::Error;
use super::request::Request;
use super::service::Service;
use crate::answering;

/// Serves one client until it leaves.
pub(super) async fn serve(stream: TcpStream, service: Arc<Service>) {
    answering::serve(stream, move |request| answer(Arc::clone(&service), request)).await;
}

async fn answer(
    service: Arc<Service>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    if !service.options.latency.is_zero() {
        tokio::time::sleep(service.options.latency).await;
    }
    let (parts, body) = request.into_parts();
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let body =
        body.collect().await.map_err(|_| Error::new(400, "IncompleteBody", "The request body broke off"));
    let request = body.and_then(|body| Request::new(parts, body.to_bytes()));
    let reply = match request {
        Ok(request) => service.handle(&request),
        Err(error) => error.reply(&path),
    };
    Ok(reply.into_http(&method))
}
