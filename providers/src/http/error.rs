//! Why a request failed.

use url::Url;

/// Redirects that a request follows at most.
pub(super) const MAX_REDIRECTS: usize = 5;

/// Why a request has no response. No message carries a path, a query or a
/// header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The method, URL or a header is malformed, or the scheme is not http(s).
    #[error("the request is malformed: {0}")]
    Malformed(String),
    /// The host is, or resolves to, an address that is not public.
    #[error("{host} is not a public address")]
    Refused {
        /// The host of the request.
        host: String,
    },
    /// Requests to this port are not allowed.
    #[error("port {port} is not open for requests")]
    RefusedPort {
        /// The port of the request.
        port: u16,
    },
    /// The server redirected from https to http.
    #[error("the server redirected from https to http")]
    InsecureRedirect,
    /// The time limit was exceeded.
    #[error("no response in time")]
    Timeout,
    /// The body or the headers are larger than allowed.
    #[error("the response is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The server redirected too often.
    #[error("more than {MAX_REDIRECTS} redirects")]
    TooManyRedirects,
    /// The connection failed or broke.
    #[error("the connection failed: {0}")]
    Connection(String),
}

impl HttpError {
    /// The host of this URL may not be reached.
    pub(super) fn refused(url: &Url) -> Self {
        Self::Refused { host: url.host_str().unwrap_or_default().to_owned() }
    }

    /// A stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "REQUEST_INVALID",
            Self::Refused { .. } | Self::RefusedPort { .. } => "ADDRESS_FORBIDDEN",
            Self::InsecureRedirect => "INSECURE_REDIRECT",
            Self::Timeout => "HTTP_TIMEOUT",
            Self::TooLarge { .. } => "RESPONSE_TOO_LARGE",
            Self::TooManyRedirects => "TOO_MANY_REDIRECTS",
            Self::Connection(_) => "CONNECTION_FAILED",
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Timeout | Self::Connection(_))
    }
}

/// The innermost cause of the error. It names neither the URL nor headers.
pub(crate) fn describe(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = match std::error::Error::source(error) {
        Some(source) => source,
        None if error.is_builder() => return "the client cannot be built".into(),
        None => return "the connection failed".into(),
    };
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
