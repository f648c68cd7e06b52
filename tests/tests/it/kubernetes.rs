//! Checks the manifests for Kubernetes against the code.

use std::{collections::BTreeSet, path::Path};

use atelier_config::{Role, Settings, load_from};
use atelier_queue::QueueName;
use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

use crate::{deployment, sources};

const FOLDER: &str = "deploy/kubernetes";
/// Lists the other files; kubectl applies them.
const KUSTOMIZATION: &str = "kustomization.yaml";
/// Operators copy it and fill it in.
const SECRET: &str = "secret.example.yaml";

fn to_json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => json!(text),
        Yaml::Integer(number) => json!(number),
        Yaml::Boolean(truth) => json!(truth),
        Yaml::Array(entries) => entries.iter().map(to_json).collect(),
        Yaml::Hash(fields) => {
            let field =
                |(name, value): (&Yaml, &Yaml)| Some((name.as_str().map(str::to_owned)?, to_json(value)));
            Value::Object(fields.iter().filter_map(field).collect::<Map<_, _>>())
        }
        Yaml::Null | Yaml::Alias(_) | Yaml::BadValue => Value::Null,
    }
}

fn documents(file: &str) -> Vec<Value> {
    let text = sources::read(&Path::new(FOLDER).join(file));
    let parsed = YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    parsed.iter().map(to_json).collect()
}

fn files() -> Vec<String> {
    let found = sources::list_files("yaml").into_iter().filter(|file| file.starts_with(FOLDER));
    found.map(|file| file.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

/// Every object of a kind.
fn objects(kind: &str) -> Vec<Value> {
    let all = files().into_iter().flat_map(|file| documents(&file));
    let found: Vec<_> = all.filter(|object| object["kind"] == kind).collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_else(|| panic!("no name: {object}"))
}

fn named(kind: &str, wanted: &str) -> Value {
    let found = objects(kind).into_iter().find(|object| name(object) == wanted);
    found.unwrap_or_else(|| panic!("there is no {kind} {wanted}"))
}

fn container(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]["containers"][0]
}

fn role(deployment: &Value) -> Role {
    let command = container(deployment)["command"][0].as_str().expect("a command");
    let roles = [Role::Api, Role::Worker, Role::Scheduler];
    roles.into_iter().find(|role| role.as_str() == command).unwrap_or_else(|| panic!("{command} is no role"))
}

/// The settings of the pods of a Deployment, with the example's secrets filled in.
fn settings(deployment: &Value) -> Settings {
    let loaded = load_from(role(deployment), None, &variables(deployment, "Kq2wT8xZ"));
    loaded.unwrap_or_else(|problems| panic!("{}: {problems}", name(deployment))).settings
}

/// The environment of the pods of a Deployment, with this value instead of the example's
/// secrets.
fn variables(deployment: &Value, secret: &str) -> Vec<(String, String)> {
    let mut variables = deployment::image_variables();
    let shared =
        [&named("ConfigMap", "atelier")["data"], &named("Secret", "atelier")["stringData"]].map(Value::clone);
    for fields in &shared {
        let fields = fields.as_object().expect("settings").iter();
        let filled = |value: &Value| text(value).replace("change-me", secret);
        variables.extend(fields.map(|(name, value)| (name.clone(), filled(value))));
    }
    let own = container(deployment)["env"].as_array().into_iter().flatten();
    variables.extend(own.map(|variable| (text(&variable["name"]), text(&variable["value"]))));
    variables
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} must be in quotes")).to_owned()
}

fn served(settings: &Settings) -> BTreeSet<&'static str> {
    let slots = &settings.queue.concurrency;
    let all = [
        (QueueName::Generation, slots.generation),
        (QueueName::Deployment, slots.deployment),
        (QueueName::Email, slots.email),
        (QueueName::Stats, slots.stats),
        (QueueName::Workflow, slots.workflow),
        (QueueName::Maintenance, slots.maintenance),
    ];
    assert_eq!(all.len(), QueueName::ALL.len());
    all.into_iter().filter(|(_, slots)| *slots > 0).map(|(queue, _)| queue.as_str()).collect()
}

fn workers() -> Vec<Value> {
    objects("Deployment").into_iter().filter(|deployment| role(deployment) == Role::Worker).collect()
}

#[test]
fn every_object_has_a_kind_and_a_name_and_every_file_is_applied() {
    for file in files() {
        for object in documents(&file) {
            assert!(object["apiVersion"].is_string() && object["kind"].is_string(), "{file}: {object}");
            assert!(file == KUSTOMIZATION || !name(&object).is_empty(), "{file}");
        }
    }
    let applied: BTreeSet<String> =
        documents(KUSTOMIZATION)[0]["resources"].as_array().expect("a list").iter().map(text).collect();
    let written = files().into_iter().filter(|file| file != KUSTOMIZATION && file != SECRET).collect();
    assert_eq!(applied, written);
}

#[test]
fn no_pod_starts_with_the_example_secrets() {
    for deployment in objects("Deployment") {
        let refused = load_from(role(&deployment), None, &variables(&deployment, "change-me"));
        let problems = refused.expect_err("refused").problems;
        let keys: BTreeSet<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, BTreeSet::from(["auth.jwt_secret", "database.url", "mail.smtp_url", "redis.url"]));
    }
}

#[test]
fn pods_stop_gracefully_and_probe_existing_routes() {
    for deployment in objects("Deployment") {
        let (pod, container) = (&deployment["spec"]["template"]["spec"], container(&deployment));
        let settings = settings(&deployment);
        let grace = pod["terminationGracePeriodSeconds"].as_u64().expect("a grace");
        assert!(grace > settings.server.shutdown_grace().as_secs(), "{}", name(&deployment));
        assert!(container["lifecycle"].is_null(), "SIGTERM begins the drain by itself");
        assert_eq!(container["ports"][0], json!({"name": "http", "containerPort": 8001}));
        let port =
            if role(&deployment) == Role::Api { settings.server.bind } else { settings.server.ops_bind };
        assert_eq!(port.port(), 8001);
        let document = openapi();
        for (probe, path) in
            [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
        {
            assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "http"}));
            assert!(document["paths"][path]["get"].is_object(), "{path}");
        }
        assert!(container["resources"]["requests"]["cpu"].is_string());
        assert!(container["resources"]["limits"]["memory"].is_string());
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    }
}

#[test]
fn every_role_tolerates_the_loss_of_one_pod() {
    let roles: Vec<_> = objects("Deployment").iter().map(role).collect();
    for wanted in [Role::Api, Role::Worker, Role::Scheduler] {
        assert!(roles.contains(&wanted), "{wanted}");
    }
    for deployment in objects("Deployment") {
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        for (label, value) in deployment["spec"]["selector"]["matchLabels"].as_object().expect("a selector") {
            assert_eq!(&labels[label], value, "{}", name(&deployment));
        }
        assert_eq!(labels["atelier-job"], role(&deployment).as_str(), "the job of the alerts");
        let budget = named("PodDisruptionBudget", name(&deployment));
        assert_eq!(budget["spec"]["selector"], deployment["spec"]["selector"]);
        let replicas = &deployment["spec"]["replicas"];
        let is_scaled = role(&deployment) == Role::Worker;
        assert!(if is_scaled { replicas.is_null() } else { replicas.as_u64() >= Some(2) });
    }
    let service = named("Service", "atelier-api");
    let api = named("Deployment", "atelier-api");
    assert_eq!(service["spec"]["selector"], api["spec"]["selector"]["matchLabels"]);
}

#[test]
fn every_queue_is_served_by_one_deployment() {
    let mut all: Vec<_> = workers().iter().flat_map(|worker| served(&settings(worker))).collect();
    all.sort_unstable();
    let mut expected = QueueName::ALL.map(QueueName::as_str);
    expected.sort_unstable();

    assert_eq!(all, expected);
}

/// The queue of a trigger that calls the scaling route.
fn trigger_queue(trigger: &Value) -> String {
    let address: url::Url = text(&trigger["metadata"]["url"]).parse().expect("a URL");
    assert_eq!((address.host_str(), address.path()), (Some("atelier-api.atelier.svc"), "/api/admin/scaling"));
    let parameters = openapi()["paths"][address.path()]["get"]["parameters"].take();
    let known: BTreeSet<_> =
        parameters.as_array().expect("parameters").iter().map(|one| text(&one["name"])).collect();
    for (parameter, _) in address.query_pairs() {
        assert!(known.contains(&*parameter), "{parameter}");
    }
    assert_eq!(trigger["metadata"]["valueLocation"], "value");
    assert_eq!(
        (&trigger["metadata"]["targetValue"], &trigger["metricType"]),
        (&json!("1"), &json!("AverageValue"))
    );
    let credentials = named("TriggerAuthentication", &text(&trigger["authenticationRef"]["name"]));
    let target = &credentials["spec"]["secretTargetRef"][0];
    assert!(named("Secret", &text(&target["name"]))["stringData"][text(&target["key"])].is_string());
    let queue = address.query_pairs().find(|(name, _)| name == "queue");
    queue.expect("a queue, so that the response is one number").1.into_owned()
}

#[test]
fn workers_are_scaled_by_the_queues_they_serve() {
    let known = deployment::known_names();
    let mut scaled = BTreeSet::new();
    for scaler in objects("ScaledObject") {
        let target =
            named("Deployment", scaler["spec"]["scaleTargetRef"]["name"].as_str().expect("a target"));
        scaled.insert(name(&target).to_owned());
        let triggers = scaler["spec"]["triggers"].as_array().expect("triggers");
        let of = |kind: &'static str| triggers.iter().filter(move |trigger| trigger["type"] == kind);
        let queues: BTreeSet<String> = of("metrics-api").map(trigger_queue).collect();
        let expected: BTreeSet<String> = served(&settings(&target)).into_iter().map(str::to_owned).collect();
        assert_eq!(queues, expected, "{}", name(&scaler));
        for trigger in of("prometheus") {
            let query = text(&trigger["metadata"]["query"]);
            let metrics = deployment::metric_words(&query);
            assert!(!metrics.is_empty() && metrics.is_subset(&known), "{query}");
            let (_, listed) = query.split_once("queue=~\"").expect("the queues");
            let listed = listed.split('"').next().expect("an end").split('|').map(str::to_owned).collect();
            assert_eq!(queues, listed, "{query}");
        }
    }
    let expected: BTreeSet<String> = workers().iter().map(|worker| name(worker).to_owned()).collect();
    assert_eq!(scaled, expected);
}

#[test]
fn metrics_are_scraped_from_every_pod() {
    let monitor = named("PodMonitor", "atelier");
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    assert_eq!((&endpoint["port"], &endpoint["path"]), (&json!("http"), &json!("/metrics")));
    assert_eq!(monitor["spec"]["jobLabel"], "atelier-job");
    for deployment in objects("Deployment") {
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        for (label, value) in monitor["spec"]["selector"]["matchLabels"].as_object().expect("a selector") {
            assert_eq!(&labels[label], value, "{}", name(&deployment));
        }
    }
}

fn openapi() -> Value {
    serde_json::from_str(atelier_api::openapi_json()).expect("JSON")
}

#[test]
fn kubectl_renders_every_object_where_it_is_installed() {
    let folder = sources::root().join(FOLDER);
    let Ok(rendered) = std::process::Command::new("kubectl").arg("kustomize").arg(folder).output() else {
        return;
    };
    let text = String::from_utf8_lossy(&rendered.stdout);
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    for file in files().iter().filter(|file| ![KUSTOMIZATION, SECRET].contains(&file.as_str())) {
        for object in documents(file) {
            assert!(text.contains(&format!("\n  name: {}\n", name(&object))), "{file}: {}", name(&object));
        }
    }
}
