//! The names of headers that people may set.

use atelier_providers::http::is_reserved_header;

/// Most characters of a name.
pub const MAX_NAME: usize = 100;

/// Whether a request of a person may have the header.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_token = !name.is_empty()
        && name.len() <= MAX_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    match (is_token, is_reserved_header(name)) {
        (false, _) => Err("is no name of a header".to_owned()),
        (true, true) => Err("may not be set".to_owned()),
        (true, false) => Ok(()),
    }
}
