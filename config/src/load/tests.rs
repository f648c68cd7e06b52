use secrecy::ExposeSecret;

use super::*;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load_embedded(file: &str, pairs: &[(&str, &str)]) -> Result<LoadedConfig, ConfigError> {
    load_from(Role::Embedded, Some(("atelier.toml", file)), &env(pairs))
}

fn problems(file: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let error = load_embedded(file, pairs).expect_err("problems");
    error.problems.iter().map(ToString::to_string).collect()
}

fn source_of(loaded: &LoadedConfig, key: &str) -> String {
    let line = loaded.report.iter().find(|line| line.key == key).expect("a known setting");
    format!("{} from {}", line.value, line.source)
}

#[test]
fn the_defaults_load_for_an_embedded_instance() {
    let loaded = load_from(Role::Embedded, None, &[]).expect("the defaults");
    assert_eq!(loaded.settings.server.bind.port(), 8001);
    assert_eq!(loaded.settings.queue.concurrency.workflow, 32);
    assert!(loaded.settings.auth.jwt_secret.expose_secret().is_empty());
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert!(loaded.report.iter().all(|line| line.source == "default"));
    assert!(loaded.report.len() > 70);
}

#[test]
fn later_layers_win_and_are_named() {
    let file = "[queue]\nheartbeat_secs = 2\nwindow = 500\n[queue.concurrency]\nemail = 1\n\
                [server]\nbind = '127.0.0.1:1'\n[telemetry]\nlog_format = 'json'";
    let pairs = [
        ("ATELIER_QUEUE__HEARTBEAT_SECS", "3"),
        ("ATELIER_QUEUE__CONCURRENCY__EMAIL", "4"),
        ("ATELIER_SERVER__BIND", "127.0.0.1:2"),
        ("BIND", "127.0.0.1:3"),
        ("ATELIER_HTTP_CLIENT__ALLOW_PRIVATE_ADDRESSES", "true"),
        ("ATELIER_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"),
        ("ATELIER_SERVER__CORS_ALLOWED_ORIGINS", "[\"https://a.example\"]"),
    ];
    let loaded = load_embedded(file, &pairs).expect("it holds");
    for (key, expected) in [
        ("queue.heartbeat_secs", "3 from environment ATELIER_QUEUE__HEARTBEAT_SECS"),
        ("queue.window", "500 from file atelier.toml"),
        ("queue.concurrency.email", "4 from environment ATELIER_QUEUE__CONCURRENCY__EMAIL"),
        ("queue.concurrency.stats", "2 from default"),
        ("server.bind", "127.0.0.1:3 from environment BIND"),
        (
            "server.cors_allowed_origins",
            "https://a.example from environment ATELIER_SERVER__CORS_ALLOWED_ORIGINS",
        ),
    ] {
        assert_eq!(source_of(&loaded, key), expected);
    }
    assert_eq!(loaded.settings.queue.heartbeat_secs, 3);
    assert_eq!(loaded.settings.server.bind.port(), 3);
    assert_eq!(loaded.settings.server.trusted_proxies.len(), 2);
    assert!(loaded.settings.http_client.allow_private_addresses);
}

#[test]
fn the_well_known_names_set_their_settings() {
    let pairs = [
        ("DATABASE_URL", "postgres://atelier:hunter2@db/atelier"),
        ("REDIS_URL", "redis://cache"),
        ("DATA_DIR", "/srv/atelier"),
        ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
        ("JWT_EXPIRATION_HOURS", "24"),
        ("AUTH_REQUIRE_VERIFIED_EMAIL", "true"),
        ("SMTP_URL", "smtp://mail:25"),
        ("OPENAI_API_KEY", "sk-hunter2"),
        ("OPENAI_BASE_URL", "http://localhost:11434/v1"),
        ("RUST_LOG", "debug"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
    ];
    let loaded = load_from(Role::Api, None, &env(&pairs)).expect("it holds");
    assert_eq!(loaded.settings.auth.access_token_minutes, 1440);
    assert!(loaded.settings.auth.require_verified_email);
    assert_eq!(loaded.settings.database_url(), "postgres://atelier:hunter2@db/atelier");
    assert_eq!(source_of(&loaded, "auth.access_token_minutes"), "1440 from environment JWT_EXPIRATION_HOURS");
    assert_eq!(
        source_of(&loaded, "database.url"),
        "postgres://atelier:********@db/atelier from environment DATABASE_URL"
    );
    let set = loaded.report.iter().filter(|line| line.source != "default").count();
    assert_eq!(set, pairs.len());
    let shown = format!("{loaded:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("0123456789abcdef"), "a secret is shown: {shown}");
}

#[test]
fn an_empty_well_known_name_is_unset() {
    let loaded = load_embedded("[llm]\napi_key = 'sk'", &[("OPENAI_API_KEY", ""), ("REDIS_URL", " ")]);
    let loaded = loaded.expect("it holds");
    assert_eq!(loaded.settings.llm.api_key.expose_secret(), "sk");
    assert!(loaded.settings.redis_url().is_none());
}

#[test]
fn every_problem_is_reported_at_once() {
    let file =
        "[queue]\nwindow = 9000\nheartbeat_sec = 5\n[databse]\nurl = ''\n[server]\nmax_body_bytes = '1 MB'";
    let pairs = [
        ("ATELIER_QUEUE__HEARTBEAT_SECS", "five"),
        ("ATELIER_QUEUE_RELAY_INTERVAL_MS", "5"),
        ("BIND", "localhost:8001"),
        ("DATABASE_URL", "mysql://root:hunter2@db/a"),
        ("JWT_SECRET", "hunter2"),
        ("JWT_EXPIRATION_HOURS", "soon"),
        ("ATELIER_SERVER__TRUSTED_PROXIES", "10.0.0.0/99,10.0.0.0/8"),
    ];
    let mut found = problems(file, &pairs);
    found.sort();
    let expected = [
        "auth.access_token_minutes: expected a whole number of hours, found \"soon\" \
         (environment JWT_EXPIRATION_HOURS)",
        "auth.jwt_secret: must have at least 32 bytes, has 7 (environment JWT_SECRET)",
        "database.url: expected a URL with sqlite:// or postgres:// or postgresql://, found another scheme \
         (environment DATABASE_URL)",
        "databse: no such section; the nearest is [database] (file atelier.toml)",
        "queue.heartbeat_sec: no such setting; the nearest is queue.heartbeat_secs (file atelier.toml)",
        "queue.heartbeat_secs: expected a whole number, found \"five\" (environment ATELIER_QUEUE__HEARTBEAT_SECS)",
        "queue.window: must lie between 1 and 5000, is 9000 (file atelier.toml)",
        "queue_relay_interval_ms: no such setting; the nearest is ATELIER_QUEUE__RELAY_INTERVAL_MS \
         (environment ATELIER_QUEUE_RELAY_INTERVAL_MS)",
        "server.bind: expected an address with a port such as 0.0.0.0:8001, found \"localhost:8001\" \
         (environment BIND)",
        "server.max_body_bytes: expected a whole number, found \"1 MB\" (file atelier.toml)",
        "server.trusted_proxies: expected a network such as 10.0.0.0/8, found \"10.0.0.0/99\" \
         (environment ATELIER_SERVER__TRUSTED_PROXIES)",
    ];
    assert_eq!(found, expected);
    let shown = load_embedded(file, &pairs).expect_err("problems").to_string();
    assert!(shown.starts_with("the configuration has 11 problems:\n  "), "{shown}");
    assert_eq!(shown.lines().count(), 12);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn wrong_types_are_reported_without_secrets() {
    for (file, expected) in [
        (
            "[auth]\njwt_secret = 123456",
            "auth.jwt_secret: expected a text in quotes, found a number without quotes",
        ),
        ("[queue]\nwindow = 10.5", "queue.window: expected a whole number, found the number 10.5"),
        ("[queue]\nwindow = true", "queue.window: expected a whole number, found true"),
        ("[server]\ntrusted_proxies = '10.0.0.0/8'", "server.trusted_proxies: expected a list of texts"),
        ("[server]\ntrusted_proxies = [8]", "server.trusted_proxies: expected a list of texts, found a list"),
        ("[queue]\nconcurrency = 4", "queue.concurrency: this is a section: write [queue.concurrency]"),
        ("[queue.window]\na = 1", "queue.window: expected a whole number, found a section"),
        ("colour = 'red'", "colour: no such setting (file"),
        ("[auth]\njwt_secret = hunter2", "atelier.toml: line 2 is not valid TOML: "),
        ("[llm]\nprovider = 'gpt'", "llm.provider: expected one of auto, openai, scaffold, found \"gpt\""),
        ("[llm]\nprovider = 'openai'", "llm.api_key: provider openai at api.openai.com needs a key"),
        ("[storage]\ns3_access_key_id = 'id'", "storage.s3_secret_access_key: storage.s3_access_key_id and"),
        (
            "[llm]\nidle_timeout_secs = 900",
            "llm.idle_timeout_secs: must not be more than llm.timeout_secs (file",
        ),
        ("[llm]\ntimeout_secs = 600", "llm.timeout_secs: must lie between 1 and 540, is 600"),
        ("[database]\nmax_connections = -1", "database.max_connections: must lie between 1 and 1000, is -1"),
    ] {
        let found = problems(file, &[]);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
        assert!(!found[0].contains("123456") && !found[0].contains("hunter2"), "{found:?}");
    }
}

#[test]
fn further_model_servers_are_a_list_in_a_file_or_in_the_environment() {
    let file = "[llm.fallback]\nbase_url = 'https://one.example/v1'\n\
                [[llm.fallbacks]]\nname = 'two'\nbase_url = 'https://two.example/v1'\napi_key = 'hunter2'\n\
                [[llm.fallbacks]]\nname = 'three'\nbase_url = 'http://localhost:11434/v1'\nquick_model = 'tiny'";
    let names = |loaded: &LoadedConfig| {
        let servers = loaded.settings.llm.fallback_servers();
        servers.map(|server| server.name.clone()).collect::<Vec<_>>()
    };
    let loaded = load_embedded(file, &[]).expect("it holds");
    assert_eq!(names(&loaded), ["fallback", "two", "three"]);
    assert_eq!(loaded.settings.llm.fallbacks[0].api_key.expose_secret(), "hunter2");
    assert_eq!(loaded.settings.llm.fallbacks[1].quick_model, "tiny");
    assert_eq!(source_of(&loaded, "llm.fallbacks"), "two, three from file atelier.toml");
    assert!(!format!("{loaded:?}").contains("hunter2"));

    let list = "[{ name = 'four', base_url = 'https://four.example' }]";
    let loaded = load_embedded(file, &[("ATELIER_LLM__FALLBACKS", list)]).expect("it holds");
    assert_eq!(names(&loaded), ["fallback", "four"]);
    let loaded = load_embedded("", &[]).expect("it holds");
    assert_eq!(names(&loaded), Vec::<String>::new());

    for (name, value, expected) in [
        ("broken", "[{ name = 'hunter2'", "llm.fallbacks: expected a list of sections, found another text"),
        ("texts", "one, two", "llm.fallbacks: expected a list of sections, found a list"),
        ("no server", "[{ name = 'two' }]", "llm.fallbacks: number 1: base_url is missing"),
        (
            "twice",
            "[{ name = 'fallback', base_url = 'https://two.example' }]",
            "llm.fallbacks: two fallbacks are called fallback",
        ),
    ] {
        let found = problems(
            "[llm.fallback]\nbase_url = 'https://one.example'",
            &[("ATELIER_LLM__FALLBACKS", value)],
        );
        assert!(found.len() == 1 && found[0].starts_with(expected), "{name}: {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
}

#[test]
fn a_ca_file_of_redis_requires_tls() {
    let file = "[redis]\nca_file = '/etc/redis/ca.pem'";
    let loaded = load_embedded(file, &[("REDIS_URL", "rediss://cache:6380")]).expect("it holds");
    assert_eq!(loaded.settings.redis.ca_file(), Some("/etc/redis/ca.pem"));

    for url in ["redis://cache", ""] {
        let found = problems(file, &[("REDIS_URL", url)]);
        assert!(
            found.len() == 1 && found[0].starts_with("redis.ca_file: is for a Redis that speaks TLS"),
            "{found:?}"
        );
    }
}

#[test]
fn variables_that_kubernetes_sets_are_ignored() {
    let pairs = [
        ("ATELIER_API_SERVICE_HOST", "10.0.0.1"),
        ("ATELIER_API_SERVICE_PORT", "8001"),
        ("ATELIER_API_PORT", "tcp://10.0.0.1:8001"),
        ("ATELIER_API_PORT_8001_TCP_ADDR", "10.0.0.1"),
        ("UNRELATED", "x"),
    ];
    assert!(load_embedded("", &pairs).is_ok());
    assert_eq!(problems("", &[("ATELIER_COLOUR", "red")]).len(), 1);
}

#[test]
fn a_split_role_reports_all_that_is_missing() {
    for role in [Role::Api, Role::Worker, Role::Scheduler] {
        let error = load_from(role, None, &[]).expect_err("nothing is set");
        let keys: Vec<&str> = error.problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["database.url", "redis.url", "auth.jwt_secret"]);
        for (problem, name) in error.problems.iter().zip(["DATABASE_URL", "REDIS_URL", "JWT_SECRET"]) {
            assert!(problem.message.contains(name) && problem.message.contains(role.as_str()), "{problem}");
        }
    }
    let sqlite = [
        ("DATABASE_URL", "sqlite://a.db"),
        ("REDIS_URL", "redis://h"),
        ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
    ];
    let error = load_from(Role::Worker, None, &env(&sqlite)).expect_err("SQLite is not shared");
    assert_eq!(error.problems.len(), 1);
    assert_eq!(error.problems[0].source, Source::Environment("DATABASE_URL".to_owned()));
}

#[test]
fn all_in_one_may_use_redis_and_postgres() {
    let pairs = [("DATABASE_URL", "postgres://db/a"), ("REDIS_URL", "redis://h")];
    let loaded = load_from(Role::Embedded, None, &env(&pairs)).expect("it holds");
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn a_file_that_is_missing_is_a_problem_among_others() {
    let error = load(Role::Worker, Some(Path::new("/nowhere/atelier.toml"))).expect_err("no such file");
    assert_eq!(error.problems[0].key, "/nowhere/atelier.toml");
    assert!(error.problems[0].message.starts_with("cannot read it"), "{error}");
}

#[test]
fn a_filter_that_logging_refuses_is_a_problem() {
    let told = problems("", &[("RUST_LOG", "a=b=c")]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("telemetry.log_filter: ") && told[0].contains("RUST_LOG"), "{told:?}");
}

#[test]
fn problems_are_reported_in_the_format_of_the_logs() {
    let wrong = ("RUST_LOG", "a=b=c");
    for (format, expected) in [("json", LogFormat::Json), ("pretty", LogFormat::Pretty)] {
        let error = load_embedded("", &[("ATELIER_TELEMETRY__LOG_FORMAT", format), wrong]);
        assert_eq!(error.expect_err("a problem").log_format, expected);
    }
}
