//! The banner at the start of a process: its services and its URLs.

use atelier_builder::react;
use atelier_config::{LlmProvider, LogFormat, Role, Settings};
use atelier_queue::transport::Eviction;
use secrecy::ExposeSecret;
use url::Url;

use crate::{instance::Instance, terminal};

/// Prints the banner: as lines for people, or as one log line in JSON logs.
pub(crate) fn show(role: Role, instance: &Instance) {
    let settings = &instance.platform().settings;
    let facts: Vec<(&str, String)> = services(settings)
        .into_iter()
        .chain(urls(role, instance.url()))
        .chain(instance.platform().eviction.as_ref().and_then(eviction_warning))
        .collect();
    if settings.telemetry.log_format == LogFormat::Json {
        let facts: Vec<String> = facts.into_iter().map(|(name, fact)| format!("{name}: {fact}")).collect();
        tracing::info!(address = %instance.address(), "{role} runs; {}", facts.join("; "));
        return;
    }
    terminal::print_line(format_args!("{role} {}", env!("CARGO_PKG_VERSION")));
    for (name, fact) in facts {
        terminal::print_line(format_args!("  {name:<9} {fact}"));
    }
}

/// The services that the process uses, without passwords.
fn services(settings: &Settings) -> Vec<(&'static str, String)> {
    let shown = |path: Option<std::path::PathBuf>| path.map(|path| path.display().to_string());
    vec![
        ("SQL", sql(&settings.database_url())),
        (
            "Queue",
            settings.redis_url().map_or_else(
                || "in this process".to_owned(),
                |url| format!("Redis at {}", location(url.expose_secret())),
            ),
        ),
        ("LLM", model(settings)),
        (
            "Mail",
            settings.smtp_url().map_or_else(
                || "stays in the outbox, not sent".to_owned(),
                |url| format!("SMTP at {}", location(url.expose_secret())),
            ),
        ),
        ("Storage", shown(settings.storage_dir()).unwrap_or_else(|| settings.storage.url.clone())),
        ("Sites", sites(&settings.preview_url(), react::are_embedded())),
    ]
}

/// Where published sites are, and whether this build shows React applications.
fn sites(preview_url: &str, has_libraries: bool) -> String {
    let place = match preview_url {
        "" => "folders under /preview/, which keep no data (server.preview_url gives them hosts)",
        hosts => hosts,
    };
    let react =
        if has_libraries { "" } else { "; React is not shown: build after scripts/preview-libraries" };
    format!("{place}{react}")
}

/// A warning if Redis may evict keys of the queue.
fn eviction_warning(eviction: &Eviction) -> Option<(&'static str, String)> {
    let warning =
        || format!("Redis may drop keys of the queue ({eviction}): set maxmemory-policy noeviction");
    eviction.is_risky().then(|| ("WARNING", warning()))
}

fn urls(role: Role, url: &str) -> Vec<(&'static str, String)> {
    let mut urls = Vec::new();
    if matches!(role, Role::Embedded | Role::Api) {
        urls.push(("API", url.to_owned()));
        urls.push(("Docs", format!("{url}/docs")));
    }
    urls.push(("Metrics", format!("{url}/metrics")));
    urls
}

fn sql(url: &str) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            format!("SQLite in {}", path.split('?').next().unwrap_or(path))
        }
        None => format!("PostgreSQL at {}", location(url)),
    }
}

fn model(settings: &Settings) -> String {
    let llm = &settings.llm;
    match llm.resolved_provider() {
        LlmProvider::Openai => {
            let servers = llm.model_servers().into_iter().map(|server| {
                let models = format!("{} and {}", server.quick_model, server.advanced_model);
                format!("{models} at {}", location(&server.base_url))
            });
            servers.collect::<Vec<_>>().join("; ")
        }
        _ => "scaffold (built in, needs no key)".to_owned(),
    }
}

/// Host, port and path of a URL, without the parts that may contain secrets.
fn location(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "an invalid address".to_owned() };
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}{port}{}", url.host_str().unwrap_or("localhost"), url.path().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(settings: &Settings, name: &str) -> String {
        let found = services(settings).into_iter().find(|(fact, _)| *fact == name);
        found.expect("a fact with that name").1
    }

    #[test]
    fn what_sites_lack_is_said() {
        assert_eq!(sites("http://{slug}.localhost:8001", true), "http://{slug}.localhost:8001");
        let lacking = sites("", false);
        for part in ["server.preview_url", "scripts/preview-libraries"] {
            assert!(lacking.contains(part), "{lacking}");
        }
    }

    #[test]
    fn an_embedded_instance_uses_no_external_service() {
        let settings = Settings::for_tests();

        assert_eq!(fact(&settings, "SQL"), "SQLite in ./data/atelier.db");
        assert_eq!(fact(&settings, "Queue"), "in this process");
        assert_eq!(fact(&settings, "LLM"), "scaffold (built in, needs no key)");
        assert_eq!(fact(&settings, "Storage"), "./data/objects");
    }

    #[test]
    fn passwords_are_not_shown() {
        let mut settings = Settings::for_tests();
        settings.database.url = "postgres://atelier:hunter2@db:5433/atelier".into();
        settings.redis.url = "redis://:hunter2@cache:6379/0".into();
        settings.mail.smtp_url = "smtps://user:hunter2@mail.example".into();
        settings.llm.api_key = "hunter2".into();

        let facts = format!("{:?}", services(&settings));

        assert!(!facts.contains("hunter2"), "{facts}");
        assert_eq!(fact(&settings, "SQL"), "PostgreSQL at db:5433/atelier");
        assert_eq!(fact(&settings, "Queue"), "Redis at cache:6379/0");
        assert_eq!(fact(&settings, "Mail"), "SMTP at mail.example");
        assert_eq!(fact(&settings, "LLM"), "gpt-5-mini and gpt-5 at api.openai.com/v1");
    }

    #[test]
    fn warns_if_redis_may_evict_keys() {
        let eviction = |policy: &str| Eviction { policy: policy.to_owned(), max_memory: 1_024 };

        assert_eq!(eviction_warning(&eviction("noeviction")), None);
        let (name, text) = eviction_warning(&eviction("allkeys-lru")).expect("a warning");
        assert!(name == "WARNING" && text.contains("allkeys-lru"), "{text}");
    }

    #[test]
    fn a_worker_shows_metrics_but_no_api() {
        let names = |role| urls(role, "http://x").into_iter().map(|(name, _)| name).collect::<Vec<_>>();

        assert_eq!(names(Role::Worker), ["Metrics"]);
        assert_eq!(names(Role::Embedded), ["API", "Docs", "Metrics"]);
    }
}
