//! What a request asks AWS to do, as far as its own form shows.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// Operations that begin so change nothing (API references of the services that drkit talks to).
const READS: [&str; 8] = ["AssumeRole", "BatchGet", "Describe", "Get", "Head", "List", "Query", "Scan"];

/// An operation.
#[derive(Debug)]
pub(super) struct Operation {
    name: String,
    /// Whether it may change something, so that its fate must be known before the run ends.
    pub(super) writes: bool,
    /// Whether S3 copies within it, and answers when that is done.
    pub(super) copies: bool,
    /// Whether its answer is content of any length, which is read as it comes.
    pub(super) streams: bool,
}

impl Operation {
    /// The operation of a request: in `x-amz-target` with JSON, `Action=` with the query protocol, `/operation/` with CBOR;
    /// REST has only a method and a path.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let (path, query) = path_and_query(request.uri());
        let parameter = |name: &str| query.split('&').any(|part| part.split('=').next() == Some(name));
        let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
        let action = || {
            let body = request.body().bytes()?;
            let body = std::str::from_utf8(&body[..body.len().min(256)]).ok()?;
            body.split('&').find_map(|part| part.strip_prefix("Action="))
        };
        let cbor = || path.rsplit_once("/operation/").map(|(_, name)| name);
        let named = target.or_else(action).or_else(cbor);
        let is_read = match named {
            Some(name) => READS.iter().any(|read| name.starts_with(read)),
            None => matches!(request.method(), "GET" | "HEAD"),
        };
        let finishes_upload = request.method() == "POST" && parameter("uploadId");
        Self {
            name: match named {
                Some(name) => name.to_owned(),
                None => format!("{} {}", request.method(), path),
            },
            writes: !is_read,
            copies: request.headers().get("x-amz-copy-source").is_some() || finishes_upload,
            streams: query.split('&').any(|part| part == "x-id=GetObject"),
        }
    }
}

/// The path of a URI, with or without scheme and host, and its query.
fn path_and_query(uri: &str) -> (&str, &str) {
    let rest =
        uri.split_once("://").map_or(uri, |(_, rest)| &rest[rest.find(['/', '?']).unwrap_or(rest.len())..]);
    rest.split_once('?').unwrap_or((rest, ""))
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;

    fn operation(method: &str, uri: &str, headers: &[(&'static str, &'static str)], body: &str) -> Operation {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method).unwrap();
        request.set_uri(uri).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, *value);
        }
        Operation::of(&request)
    }

    #[test]
    fn what_only_reads_is_known_in_every_protocol() {
        let json = |target| operation("POST", "https://h/", &[("x-amz-target", target)], "{}");
        assert!(!json("DynamoDB_20120810.DescribeTable").writes);
        assert!(json("secretsmanager.PutSecretValue").writes);
        assert_eq!(json("DynamoDB_20120810.Scan").to_string(), "Scan");
        assert!(!operation("POST", "https://h/", &[], "Action=DescribeDBClusters&Version=1").writes);
        assert!(operation("POST", "https://h/", &[], "Action=DeleteDBCluster&Version=1").writes);
        assert!(!operation("POST", "https://h/service/G/operation/DescribeAlarms", &[], "").writes);
        assert!(!operation("GET", "https://h/b?versions", &[], "").writes);
        assert!(!operation("HEAD", "https://h/b/k", &[], "").writes);
        for method in ["PUT", "POST", "DELETE"] {
            assert!(operation(method, "https://h/b/k", &[], "").writes, "{method}");
        }
    }

    #[test]
    fn copies_and_content_are_told_from_the_rest() {
        assert!(operation("PUT", "https://h/b/k", &[("x-amz-copy-source", "b/k")], "").copies);
        assert!(operation("POST", "https://h/b/k?uploadId=u", &[], "").copies);
        assert!(!operation("PUT", "https://h/b/k?uploadId=u", &[], "").copies);
        assert!(operation("GET", "https://h/b/k?x-id=GetObject", &[], "").streams);
        assert!(!operation("GET", "https://h/b?versions", &[], "").streams);
    }
}
