//! The names of headers that people may set.

/// Most characters of a name.
pub const MAX_NAME: usize = 100;

/// Headers that frame the message or that a server may take for its network's own.
const REFUSED: [&str; 11] = [
    "host",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "metadata-flavor",
    "forwarded",
];
const REFUSED_PREFIXES: [&str; 3] = ["x-aws-ec2-metadata-token", "proxy-", "x-forwarded-"];

/// Whether a request of a person may have the header.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    let is_token = !name.is_empty()
        && name.len() <= MAX_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    let is_refused =
        REFUSED.contains(&lower.as_str()) || REFUSED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    match (is_token, is_refused) {
        (false, _) => Err("is no name of a header".to_owned()),
        (true, true) => Err("may not be set".to_owned()),
        (true, false) => Ok(()),
    }
}
