//! Facts about the transport's server.

use super::Eviction;

/// Facts about a Redis; fields that it leaves out are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version.
    pub version: Option<String>,
    /// Seconds since it started.
    pub uptime_secs: Option<u64>,
    /// Client connections.
    pub clients: Option<u64>,
    /// Bytes its data takes.
    pub used_memory: Option<u64>,
    /// Its eviction policy.
    pub eviction: Option<Eviction>,
}

impl ServerFacts {
    /// Parses the answer to `INFO`.
    pub(crate) fn parse(info: &str) -> Self {
        let field = |name: &str| {
            info.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':')).map(str::to_owned)
        };
        let number = |name: &str| field(name).and_then(|text| text.parse().ok());
        Self {
            version: field("redis_version"),
            uptime_secs: number("uptime_in_seconds"),
            clients: number("connected_clients"),
            used_memory: number("used_memory"),
            eviction: Eviction::parse(info),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_answer_to_info() {
        let info = "# Server\r\nredis_version:7.4.1\r\nuptime_in_seconds:60\r\n# Clients\r\nconnected_clients:3\r\n\
                    # Memory\r\nused_memory:1024\r\nused_memory_human:1K\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n";

        let facts = ServerFacts::parse(info);

        assert_eq!((facts.version.as_deref(), facts.uptime_secs), (Some("7.4.1"), Some(60)));
        assert_eq!((facts.clients, facts.used_memory), (Some(3), Some(1024)));
        assert_eq!(facts.eviction.map(|eviction| eviction.policy).as_deref(), Some("noeviction"));
        assert_eq!(ServerFacts::parse("nonsense"), ServerFacts::default());
    }
}
