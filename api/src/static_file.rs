//! Static files, compressed once in place of for each request.

use std::io::Write;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use crate::extract::{accepts_gzip, if_none_match};

/// Digits of the hash in a file's name and validator.
pub(crate) const HASH_DIGITS: usize = 16;

/// Clients revalidate the file at each use.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
/// The file at this address never changes (RFC 8246).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A file and its compressed form. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StaticFile {
    content_type: HeaderValue,
    plain: Bytes,
    /// None where it would be no smaller.
    gzip: Option<Bytes>,
    hash: String,
    etag: HeaderValue,
}

impl StaticFile {
    /// Compresses `content`. This takes tens of milliseconds for a large file: call it on a
    /// thread that may block.
    pub(crate) fn new(content_type: &str, content: impl Into<Bytes>) -> Self {
        let plain = content.into();
        let mut hash = hex::encode(Sha256::digest(&plain));
        hash.truncate(HASH_DIGITS);
        let gzip = compress(&plain).filter(|gzip| gzip.len() < plain.len());
        let value = |text: &str| HeaderValue::from_str(text).ok();
        // Weak, since the plain and the compressed form share it.
        let etag = value(&format!("W/\"{hash}\"")).unwrap_or(HeaderValue::from_static("W/\"\""));
        let content_type =
            value(content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
        Self { content_type, plain, gzip, hash, etag }
    }

    /// The name `a.js` with the hash, as `a.0123456789abcdef.js`.
    pub(crate) fn name(&self, name: &str) -> String {
        match name.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem}.{}.{extension}", self.hash),
            None => format!("{name}.{}", self.hash),
        }
    }

    /// The file, or 304 where the client has it, with these extra headers. Clients may cache
    /// it for good where the address has its hash.
    pub(crate) fn answer(
        &self,
        request: &HeaderMap,
        hash: Option<&str>,
        extra: &[(HeaderName, &'static str)],
    ) -> Response {
        let etag = self.etag.to_str().unwrap_or_default();
        let mut response = if if_none_match(request, etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.body(request)
        };
        let headers = response.headers_mut();
        for (name, value) in extra {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let is_named = hash.is_some_and(|hash| hash == self.hash);
        headers.insert(header::CACHE_CONTROL, if is_named { IMMUTABLE } else { REVALIDATE });
        headers.insert(header::ETAG, self.etag.clone());
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }

    fn body(&self, request: &HeaderMap) -> Response {
        let gzip = self.gzip.as_ref().filter(|_| accepts_gzip(request));
        let mut response = gzip.unwrap_or(&self.plain).clone().into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        if gzip.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.plain).expect("text")
    }
}

fn compress(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn request_headers(headers: &[(HeaderName, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    async fn bytes_of(response: Response) -> Vec<u8> {
        axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body").to_vec()
    }

    #[tokio::test]
    async fn clients_that_accept_gzip_get_the_compressed_form() {
        let text = "the same line\n".repeat(100);
        let kept = StaticFile::new("text/plain", text.clone());

        let plain = kept.answer(&HeaderMap::new(), None, &[]);
        let gzip = kept.answer(&request_headers(&[(header::ACCEPT_ENCODING, "br, gzip")]), None, &[]);

        assert_eq!((plain.headers().get(header::CONTENT_ENCODING), plain.status()), (None, StatusCode::OK));
        assert_eq!(gzip.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(gzip.headers()[header::VARY], "accept-encoding");
        let mut unpacked = String::new();
        GzDecoder::new(&*bytes_of(gzip).await).read_to_string(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, text);
        assert_eq!(bytes_of(plain).await, text.as_bytes());
    }

    #[tokio::test]
    async fn a_file_that_the_client_has_is_not_sent_again() {
        let kept = StaticFile::new("text/plain", "text");
        let etag = kept.etag.to_str().expect("text").to_owned();

        let answer = kept.answer(&request_headers(&[(header::IF_NONE_MATCH, &etag)]), None, &[]);

        assert_eq!(
            (answer.status(), &answer.headers()[header::ETAG]),
            (StatusCode::NOT_MODIFIED, &kept.etag)
        );
        assert!(bytes_of(answer).await.is_empty());
    }

    #[test]
    fn only_addresses_with_the_hash_are_immutable() {
        let kept = StaticFile::new("text/plain", "text");
        for (hash, lasts) in [(None, false), (Some("0123456789abcdef"), false), (Some(&*kept.hash), true)] {
            let answer = kept.answer(&HeaderMap::new(), hash, &[]);
            let expected = if lasts { IMMUTABLE } else { REVALIDATE };
            assert_eq!(answer.headers()[header::CACHE_CONTROL], expected, "{hash:?}");
        }
    }
}
