/// Headers that belong to the connection, that a server may take for its network's own, or that clouds ask for
/// before they tell an instance its secrets.
const RESERVED: [&str; 14] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "metadata",
    "metadata-flavor",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-google-metadata-request",
];
const RESERVED_PREFIXES: [&str; 4] =
    ["proxy-", "x-aliyun-ecs-metadata-token", "x-aws-ec2-metadata-token", "x-forwarded-"];

/// Whether a caller must not set the header. Its name may have any case.
#[must_use]
pub fn is_reserved_header(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    RESERVED.contains(&lower.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
}
