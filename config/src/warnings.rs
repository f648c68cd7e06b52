//! Valid combinations that are rarely intended.

use crate::role::Role;
use crate::settings::{LlmProvider, Settings};

/// One sentence for each dangerous combination.
pub(crate) fn list_warnings(settings: &Settings, role: Role) -> Vec<String> {
    let found = [
        sqlite_with_redis(settings),
        sqlite_in_memory(settings),
        heartbeat_beyond_grace(settings),
        any_origin(settings),
        any_proxy(settings),
        model_without_key(settings),
        local_objects(settings, role),
        private_addresses(settings, role),
    ];
    found.into_iter().flatten().collect()
}

fn warn_if(condition: bool, text: &str) -> Option<String> {
    condition.then(|| text.to_owned())
}

fn sqlite_with_redis(settings: &Settings) -> Option<String> {
    warn_if(
        settings.is_sqlite() && settings.redis_url().is_some(),
        "redis.url is set but the database is SQLite: only this process can use either; \
         set database.url to a PostgreSQL before you start a second one",
    )
}

fn sqlite_in_memory(settings: &Settings) -> Option<String> {
    let url = settings.database_url();
    warn_if(
        settings.is_sqlite() && (url.contains(":memory:") || url.contains("mode=memory")),
        "database.url is an SQLite in memory: everything is lost when this process ends",
    )
}

fn heartbeat_beyond_grace(settings: &Settings) -> Option<String> {
    warn_if(
        settings.queue.heartbeat_secs > settings.server.shutdown_grace_secs,
        "queue.heartbeat_secs is more than server.shutdown_grace_secs: \
         a worker may end before it notices that its jobs were cancelled",
    )
}

fn any_origin(settings: &Settings) -> Option<String> {
    warn_if(
        settings.server.cors_allowed_origins.iter().any(|origin| origin == "*"),
        "server.cors_allowed_origins has \"*\": every website may call this API from its visitors' browsers",
    )
}

fn any_proxy(settings: &Settings) -> Option<String> {
    let is_trusted = |address: &str| {
        let address = address.parse().ok();
        address.is_some_and(|ip| settings.server.trusted_proxies.iter().any(|network| network.contains(ip)))
    };
    warn_if(
        is_trusted("192.0.2.1") || is_trusted("2001:db8::1"),
        "server.trusted_proxies includes public addresses: anybody there can forge the address \
         that rate limits use",
    )
}

fn model_without_key(settings: &Settings) -> Option<String> {
    let llm = &settings.llm;
    warn_if(
        llm.provider == LlmProvider::Auto
            && llm.resolved_provider() == LlmProvider::Scaffold
            && !llm.base_url.contains("api.openai.com"),
        "llm.base_url is set but there is no key, so llm.provider \"auto\" does not use it: \
         set llm.provider to \"openai\" for a server that needs no key",
    )
}

fn local_objects(settings: &Settings, role: Role) -> Option<String> {
    warn_if(
        role != Role::Embedded && settings.storage_dir().is_some(),
        "storage.url is a folder: every process must see the same one; use s3:// where they run on several machines",
    )
}

fn private_addresses(settings: &Settings, role: Role) -> Option<String> {
    warn_if(
        role != Role::Embedded && settings.http_client.allow_private_addresses,
        "http_client.allow_private_addresses is on: users' workflows can reach your internal network",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(role: Role, change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let mut settings = Settings::for_tests();
        change(&mut settings);
        list_warnings(&settings, role)
    }

    #[test]
    fn the_defaults_give_no_warning() {
        assert_eq!(warned(Role::Embedded, |_| {}), Vec::<String>::new());
    }

    #[test]
    fn each_dangerous_combination_gives_a_warning() {
        type Change = fn(&mut Settings);
        let cases: [(&str, Change); 6] = [
            ("redis.url is set", |s| s.redis.url = "redis://h".into()),
            ("in memory", |s| s.database.url = "sqlite::memory:".into()),
            ("queue.heartbeat_secs", |s| s.queue.heartbeat_secs = 60),
            ("cors_allowed_origins", |s| s.server.cors_allowed_origins = vec!["*".to_owned()]),
            ("trusted_proxies", |s| s.server.trusted_proxies = vec!["::/0".parse().expect("a network")]),
            ("llm.base_url", |s| s.llm.base_url = "http://localhost:11434/v1".to_owned()),
        ];
        for (text, change) in cases {
            let warnings = warned(Role::Embedded, change);
            assert!(warnings.len() == 1 && warnings[0].contains(text), "{text}: {warnings:?}");
        }
    }

    #[test]
    fn split_roles_get_warnings_about_local_resources() {
        let warnings = warned(Role::Worker, |settings| settings.http_client.allow_private_addresses = true);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].starts_with("storage.url") && warnings[1].starts_with("http_client"));
    }
}
