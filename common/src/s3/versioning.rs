//! Whether a bucket keeps what is overwritten.

use aws_sdk_s3::Client;

use crate::aws::Trouble;
use crate::raw::RawBody;

/// The versioning state of a bucket (S3 API reference, GetBucketVersioning).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Versioning {
    /// Every write makes a new version.
    Enabled,
    /// A write replaces the null version of its key for good.
    Suspended,
    /// Versions were never kept: a write replaces the object for good.
    Never,
    /// The store does not tell, for this reason.
    Unknown(String),
}

/// Asks for the versioning state.
///
/// # Errors
/// When the bucket does not exist or cannot be reached, or nobody is known who asks. That the store does not tell is
/// an answer.
pub async fn versioning(client: &Client, bucket: &str) -> Result<Versioning, Trouble> {
    // Some stores name the root element otherwise than the SDK wants it.
    let body = RawBody::new("<VersioningConfiguration/>");
    let request = client.get_bucket_versioning().bucket(bucket);
    let answer = request.customize().interceptor(body.clone()).send().await;
    if let Err(err) = answer {
        let trouble = Trouble::new(&format!("GetBucketVersioning s3://{bucket}"), &err);
        return match trouble.code.as_str() {
            "NoSuchBucket" => Err(trouble),
            _ if trouble.is_fatal() => Err(trouble),
            _ => Ok(Versioning::Unknown(trouble.message)),
        };
    }
    Ok(match body.read().await {
        Ok(body) => status(&String::from_utf8_lossy(&body)),
        Err(err) => Versioning::Unknown(format!("GetBucketVersioning s3://{bucket}: {err:#}")),
    })
}

fn status(xml: &str) -> Versioning {
    // Some stores begin with the root, some with a declaration; a page of a proxy's begins otherwise.
    let is_answer = ["<?xml", "<"].iter().any(|start| xml.trim_start().starts_with(start)) && !is_html(xml);
    if !is_answer {
        return Versioning::Unknown("the answer to GetBucketVersioning is no XML".to_owned());
    }
    let status = xml.split_once("<Status>").and_then(|(_, rest)| rest.split_once("</Status>"));
    match status.map(|(status, _)| status.trim()) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        Some(other) => Versioning::Unknown(format!("an unknown versioning status {other}")),
        None => Versioning::Never,
    }
}

fn is_html(text: &str) -> bool {
    let head: String = text.trim_start().chars().take(15).collect();
    ["<!doctype html", "<html"].iter().any(|start| head.to_ascii_lowercase().starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_whatever_the_root_is_called() {
        let root = |inner: &str| status(&format!("<?xml version=\"1.0\"?><R>{inner}</R>"));
        assert_eq!(root("<Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>"), Versioning::Enabled);
        assert_eq!(root("<Status>Suspended</Status>"), Versioning::Suspended);
        assert_eq!(root(""), Versioning::Never);
        assert!(matches!(root("<Status>x</Status>"), Versioning::Unknown(_)));
        for garbage in ["", "{}", "ok", "<html><body>Sign in</body></html>", "<!DOCTYPE html><p>x"] {
            assert!(matches!(status(garbage), Versioning::Unknown(_)), "{garbage}");
        }
    }
}
