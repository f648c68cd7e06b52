//! What a process runs on and where to look, told at its start.

use atelier_config::{LlmProvider, LogFormat, Role, Settings};
use atelier_queue::transport::Eviction;
use secrecy::ExposeSecret;
use url::Url;

use crate::{instance::Instance, terminal};

/// Tells it: in lines for people, in one log line for machines.
pub(crate) fn show(role: Role, instance: &Instance) {
    let settings = &instance.platform().settings;
    let facts: Vec<(&str, String)> = runs_on(settings)
        .into_iter()
        .chain(looks_at(role, instance.url()))
        .chain(instance.platform().eviction.as_ref().and_then(warns_of))
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

/// What the process stands on. No passwords.
fn runs_on(settings: &Settings) -> Vec<(&'static str, String)> {
    let kept = |path: Option<std::path::PathBuf>| path.map(|path| path.display().to_string());
    vec![
        ("SQL", sql(&settings.database_url())),
        (
            "Queue",
            settings.redis_url().map_or_else(
                || "in this process".to_owned(),
                |url| format!("Redis at {}", place(url.expose_secret())),
            ),
        ),
        ("LLM", model(settings)),
        (
            "Mail",
            settings.smtp_url().map_or_else(
                || "kept in the outbox, not sent".to_owned(),
                |url| format!("SMTP at {}", place(url.expose_secret())),
            ),
        ),
        ("Storage", kept(settings.storage_dir()).unwrap_or_else(|| settings.storage.url.clone())),
    ]
}

/// What is dangerous about the Redis, if anything.
fn warns_of(eviction: &Eviction) -> Option<(&'static str, String)> {
    let warning = || format!("Redis may drop the queue's keys ({eviction}): set maxmemory-policy noeviction");
    eviction.is_risky().then(|| ("WARNING", warning()))
}

fn looks_at(role: Role, url: &str) -> Vec<(&'static str, String)> {
    let mut places = Vec::new();
    if matches!(role, Role::Embedded | Role::Api) {
        places.push(("API", url.to_owned()));
        places.push(("Docs", format!("{url}/docs")));
    }
    places.push(("Metrics", format!("{url}/metrics")));
    places
}

fn sql(url: &str) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            format!("SQLite in {}", path.split('?').next().unwrap_or(path))
        }
        None => format!("PostgreSQL at {}", place(url)),
    }
}

fn model(settings: &Settings) -> String {
    let llm = &settings.llm;
    match llm.resolved_provider() {
        LlmProvider::Openai => {
            format!("{} and {} at {}", llm.quick_model, llm.advanced_model, place(&llm.base_url))
        }
        _ => "scaffold (built in, needs no key)".to_owned(),
    }
}

/// Host, port and path of a URL: nothing that could be a secret.
fn place(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "an address that cannot be shown".to_owned() };
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}{port}{}", url.host_str().unwrap_or("localhost"), url.path().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(settings: &Settings, name: &str) -> String {
        let found = runs_on(settings).into_iter().find(|(fact, _)| *fact == name);
        found.expect("a fact of that name").1
    }

    #[test]
    fn an_embedded_instance_stands_on_itself() {
        let settings = Settings::for_tests();

        assert_eq!(fact(&settings, "SQL"), "SQLite in ./data/atelier.db");
        assert_eq!(fact(&settings, "Queue"), "in this process");
        assert_eq!(fact(&settings, "LLM"), "scaffold (built in, needs no key)");
        assert_eq!(fact(&settings, "Storage"), "./data/objects");
    }

    #[test]
    fn passwords_stay_out_of_it() {
        let mut settings = Settings::for_tests();
        settings.database.url = "postgres://atelier:hunter2@db:5433/atelier".into();
        settings.redis.url = "redis://:hunter2@cache:6379/0".into();
        settings.mail.smtp_url = "smtps://user:hunter2@mail.example".into();
        settings.llm.api_key = "hunter2".into();

        let facts = format!("{:?}", runs_on(&settings));

        assert!(!facts.contains("hunter2"), "{facts}");
        assert_eq!(fact(&settings, "SQL"), "PostgreSQL at db:5433/atelier");
        assert_eq!(fact(&settings, "Queue"), "Redis at cache:6379/0");
        assert_eq!(fact(&settings, "Mail"), "SMTP at mail.example");
        assert_eq!(fact(&settings, "LLM"), "gpt-5-mini and gpt-5 at api.openai.com/v1");
    }

    #[test]
    fn a_redis_that_may_evict_is_warned_of() {
        let eviction = |policy: &str| Eviction { policy: policy.to_owned(), max_memory: 1_024 };

        assert_eq!(warns_of(&eviction("noeviction")), None);
        let (name, text) = warns_of(&eviction("allkeys-lru")).expect("a warning");
        assert!(name == "WARNING" && text.contains("allkeys-lru"), "{text}");
    }

    #[test]
    fn a_worker_has_metrics_and_no_documents() {
        let names = |role| looks_at(role, "http://x").into_iter().map(|(name, _)| name).collect::<Vec<_>>();

        assert_eq!(names(Role::Worker), ["Metrics"]);
        assert_eq!(names(Role::Embedded), ["API", "Docs", "Metrics"]);
    }
}
