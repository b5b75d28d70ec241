//! The `aws-chunked` encoding that SDKs use for streamed uploads.

use bytes::{Bytes, BytesMut};
use hyper::header::{HeaderName, HeaderValue};

use super::error::Error;
use super::request::Headers;

/// The payload without its chunk frames. Trailers such as `x-amz-checksum-crc32` become headers.
pub(super) fn decode(body: Bytes, headers: &mut Headers) -> Result<Bytes, Error> {
    let streamed = headers.get("x-amz-content-sha256").is_some_and(|value| value.starts_with("STREAMING-"));
    if !streamed {
        return Ok(body);
    }
    let mut payload = BytesMut::with_capacity(body.len());
    let mut rest = &body[..];
    loop {
        let (frame, after) = line(rest).ok_or_else(incomplete)?;
        let digits = frame.split(';').next().unwrap_or_default();
        let length = usize::from_str_radix(digits, 16).map_err(|_| incomplete())?;
        if length == 0 {
            trailers(after, headers);
            return Ok(payload.freeze());
        }
        let chunk = after.get(..length).ok_or_else(incomplete)?;
        payload.extend_from_slice(chunk);
        rest = after[length..].strip_prefix(b"\r\n").ok_or_else(incomplete)?;
    }
}

fn trailers(mut rest: &[u8], headers: &mut Headers) {
    while let Some((text, after)) = line(rest) {
        rest = after;
        let Some((name, value)) = text.split_once(':') else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value.trim())) {
            headers.0.insert(name, value);
        }
    }
}

fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]))
}

fn incomplete() -> Error {
    Error::new(400, "IncompleteBody", "The request body terminated unexpectedly")
}
