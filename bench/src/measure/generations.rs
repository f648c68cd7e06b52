//! Generations that stream large files at the same time: how soon the first of a file is told, and the memory
//! of the process.

mod model;

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use atelier_client::ApiClient;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time};
use uuid::Uuid;

use super::{
    cli::GenerationsArgs,
    figures::{Figures, percentile},
    product::Product,
    testbed::Testbed,
};
use model::Model;

/// Longest that the generations may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Everything once a run, each on a new folder.
pub(super) async fn measure(
    testbed: &Testbed,
    args: GenerationsArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        let model = Model::start(args.kib).await?;
        let concurrency = args.generations.to_string();
        let mut settings = model.settings();
        settings.push(("ATELIER_QUEUE__CONCURRENCY__GENERATION".to_owned(), concurrency));
        let product = Product::start_generating(testbed, &settings).await?;
        let told = time::timeout(LIMIT, generate(product.address, args.generations)).await;
        let told = told.context("the generations have not ended")??;
        let cost = product.process.cost();
        product.stop().await?;
        record(figures, args, &told, &model.begun());
        figures.record(
            format!("peak memory, {} generations of {} KiB", args.generations, args.kib),
            "MiB",
            cost.peak_mib,
        );
    }
    Ok(())
}

fn record(
    figures: &mut Figures,
    args: GenerationsArgs,
    told: &HashMap<usize, Instant>,
    begun: &HashMap<usize, Instant>,
) {
    let waits = told.iter().filter_map(|(number, told)| Some((*told - *begun.get(number)?).as_secs_f64()));
    let mut millis: Vec<f64> = waits.map(|secs| secs * 1_000.0).collect();
    millis.sort_by(f64::total_cmp);
    let name = format!("first content to its file event, {} generations", args.generations);
    for (share_name, share) in [("p50", 0.5), ("p99", 0.99)] {
        figures.record(format!("{name}, {share_name}"), "ms", percentile(&millis, share));
    }
}

/// Starts as many generations of one account and follows them to their ends. Returns when the
/// first file event of each came.
async fn generate(address: SocketAddr, count: usize) -> anyhow::Result<HashMap<usize, Instant>> {
    let base = format!("http://{address}");
    let mut following = JoinSet::new();
    for number in 0..count {
        // One person may have 20 streams open.
        let client = register(&base).await?;
        following.spawn(async move { Ok::<_, anyhow::Error>((number, follow(&client, number).await?)) });
    }
    let mut told = HashMap::new();
    while let Some(followed) = following.join_next().await {
        let (number, at) = followed??;
        told.insert(number, at);
    }
    Ok(told)
}

async fn register(base: &str) -> anyhow::Result<ApiClient> {
    let client = ApiClient::new(base)?;
    let email = format!("bench-{}@example.com", Uuid::new_v4().simple());
    let body = json!({"email": email, "password": "a password of the bench", "full_name": "Bench"});
    let answer = client.post("/api/auth/register", &body, None).await?;
    let token = answer.body.get("access_token").and_then(Value::as_str).context("no access token")?;
    Ok(client.signed_in(token.to_owned().into()))
}

async fn follow(client: &ApiClient, number: usize) -> anyhow::Result<Instant> {
    let body = json!({"title": model::title(number), "description": "A list", "type": "web_app"});
    let project = client.post("/api/projects", &body, None).await?.body;
    let project = project.pointer("/project/id").and_then(Value::as_str).context("no project")?;
    let started = client.post(&format!("/api/projects/{project}/generate"), &json!({}), None).await?;
    let job = started.body.pointer("/job/id").and_then(Value::as_str).context("no job")?;
    let mut events = client.events(&format!("/api/jobs/{job}/events"), None).await?;
    let mut told = None;
    while let Some(event) = events.next().await? {
        match event.event.as_str() {
            "file" => _ = told.get_or_insert_with(Instant::now),
            "end" => {
                let job: Value = serde_json::from_str(&event.data)?;
                ensure!(job["status"] == "succeeded", "a generation ended: {}", event.data);
                return told.context("no file was told");
            }
            _ => {}
        }
    }
    bail!("the events of a generation ended early")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_how_soon_files_were_told() {
        let (mut figures, begun) = (Figures::default(), Instant::now());
        let at = |millis: u64| begun + Duration::from_millis(millis);
        let told = HashMap::from([(0, at(5)), (1, at(15)), (2, at(9))]);
        let begun = HashMap::from([(0, begun), (1, begun)]);
        record(&mut figures, GenerationsArgs { generations: 2, kib: 1 }, &told, &begun);
        assert_eq!(figures.median("first content to its file event, 2 generations, p50"), Some(15.0));
    }
}
