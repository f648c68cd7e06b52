//! `atelier demo`: creates an application from a description, as a client of the HTTP API.

mod account;
mod display;
mod follow;
mod text;
mod zip_file;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use atelier_client::{ApiClient, Download};
use atelier_config::{LoadedConfig, Role, Settings};
use atelier_ops::shutdown::Shutdown;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{instance::Instance, terminal};

use display::Display;

/// The arguments of the demo.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  atelier demo \"A reading list with authors, ratings and a search box\"
  atelier demo \"Bookings for a hair salon\" --type api --out salon.zip
  atelier demo \"A habit tracker\" --url http://127.0.0.1:8001 --advanced

Without --url the demo starts its own instance in a temporary folder: SQLite, queue
and object store in this process, without sending mail. The settings of the model apply.")]
pub(crate) struct DemoArgs {
    /// Description of the application.
    description: String,
    /// URL of a running instance.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Type of application.
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t = Kind::WebApp)]
    kind: Kind,
    /// Path of the ZIP; an existing file is replaced. Default: the project's name in the
    /// current folder.
    #[arg(long, value_name = "FILE.zip")]
    out: Option<PathBuf>,
    /// Use the advanced mode, with the large model.
    #[arg(long)]
    advanced: bool,
    /// Keep the demo's own instance running until Ctrl-C, to open the preview.
    #[arg(long, conflicts_with = "url")]
    keep: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    WebApp,
    MobileApp,
    Api,
    LandingPage,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::WebApp => "web_app",
            Self::MobileApp => "mobile_app",
            Self::Api => "api",
            Self::LandingPage => "landing_page",
        }
    }
}

/// Ctrl-C or SIGTERM before the application was finished.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// Hides log lines, which would break the progress bar, unless the settings have a filter.
pub(crate) fn silence_logs(loaded: &mut LoadedConfig) {
    let asked = loaded
        .report
        .iter()
        .any(|setting| setting.key == "telemetry.log_filter" && setting.source != "default");
    if !asked {
        "error".clone_into(&mut loaded.settings.telemetry.log_filter);
    }
}

/// Runs the demo; `settings` are for its own instance.
pub(crate) async fn run(args: &DemoArgs, settings: Settings) -> anyhow::Result<()> {
    let Some(url) = &args.url else { return run_own_instance(args, settings).await };
    terminal::print_line(format_args!("Instance   {url}"));
    if let Some(preview) = make(args, &ApiClient::new(url)?).await? {
        terminal::print_line(format_args!("Preview    {preview}"));
    }
    Ok(())
}

async fn run_own_instance(args: &DemoArgs, settings: Settings) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let shutdown = Shutdown::new(settings.server.shutdown_grace());
    let listening = shutdown.listen().context("cannot listen for signals")?;
    let mut settings = isolated(settings, &folder);
    // Only browsers surely find the host of a site. Without one, this program can open it.
    settings.server.preview_url = if args.keep { String::new() } else { "none".to_owned() };
    let instance = Instance::start(settings, Role::Embedded, shutdown.clone()).await?;
    terminal::print_line(format_args!(
        "Instance   {} (temporary, in {})",
        instance.url(),
        folder.path().display()
    ));
    let client = ApiClient::new(instance.url())?;
    let made = tokio::select! {
        made = make(args, &client) => made,
        () = shutdown.draining() => Err(Interrupted.into()),
    };
    if let Ok(Some(preview)) = &made {
        let advice = if args.keep { "until Ctrl-C" } else { "it answered; run with --keep to open it" };
        terminal::print_line(format_args!("Preview    {preview} ({advice})"));
    }
    if made.is_ok() && args.keep {
        shutdown.draining().await;
    }
    shutdown.start();
    instance.finish().await?;
    listening.abort();
    made.map(|_| ())
}

/// Settings of an instance that uses only its folder.
fn isolated(mut settings: Settings, folder: &TempDir) -> Settings {
    settings.server.bind = ([127, 0, 0, 1], 0).into();
    settings.server.public_url = String::new();
    settings.server.data_dir = folder.path().to_owned();
    settings.database.url = String::new().into();
    settings.redis.url = String::new().into();
    settings.storage.url = String::new();
    settings.mail.smtp_url = String::new().into();
    settings
}

/// Creates the application and returns the URL of its preview.
async fn make(args: &DemoArgs, anonymous: &ApiClient) -> anyhow::Result<Option<String>> {
    let client = account::register(anonymous).await?;
    let project = create_project(&client, args).await?;
    generate(&client, &project, args.advanced).await?;
    save_zip(&client, &project, args.out.as_deref()).await?;
    publish(&client, anonymous, &project).await
}

async fn create_project(client: &ApiClient, args: &DemoArgs) -> anyhow::Result<String> {
    let title = text::title(&args.description);
    let body = json!({"title": title, "description": args.description, "type": args.kind.as_str()});
    let answer = client.post("/api/projects", &body, None).await.context("cannot create the project")?;
    let project = answer.body.get("project").unwrap_or(&answer.body);
    let id = project.get("id").and_then(Value::as_str).context("the project has no id")?;
    terminal::print_line(format_args!("Project    {title} ({})", args.kind.as_str()));
    Ok(id.to_owned())
}

async fn generate(client: &ApiClient, project: &str, advanced: bool) -> anyhow::Result<()> {
    let mode = if advanced { "advanced" } else { "quick" };
    let path = format!("/api/projects/{project}/generate");
    let job = run_job(client, &path, &json!({"mode": mode})).await.context("the generation failed")?;
    let result = job.get("result").cloned().unwrap_or_default();
    let fact = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or("unknown");
    terminal::print_line(format_args!("Written by {} {}", fact("provider"), fact("model")));
    Ok(())
}

/// Starts a job and follows it until it succeeds.
async fn run_job(client: &ApiClient, path: &str, body: &Value) -> anyhow::Result<Value> {
    let answer = client.post(path, body, Some(&Uuid::now_v7().to_string())).await?;
    let job = answer.location.context("the response has no job")?;
    let mut display = Display::new();
    let followed = follow::follow(client, &job, |update| display.show(update)).await;
    display.finish();
    let job = followed?;
    if follow::state(&job) == "succeeded" {
        return Ok(job);
    }
    let message = job.pointer("/error/message").and_then(Value::as_str).unwrap_or("no explanation");
    bail!("the job is {}: {message}", follow::state(&job))
}

async fn save_zip(client: &ApiClient, project: &str, out: Option<&Path>) -> anyhow::Result<()> {
    let path = format!("/api/projects/{project}/export/zip");
    let Download { file_name, bytes } =
        client.download_by_post(&path, &json!({})).await.context("cannot fetch the ZIP")?;
    let entries = zip_file::list_entries(&bytes).context("the ZIP cannot be read")?;
    let written = match out {
        Some(path) => zip_file::write_named(path, &bytes),
        None => {
            let name = file_name.unwrap_or_else(|| "application.zip".to_owned());
            zip_file::write_unused_name(Path::new("."), &name, &bytes)
        }
    };
    let written = std::path::absolute(written.context("cannot write the ZIP")?)?;
    let total = entries.iter().map(|entry| entry.bytes).sum();
    terminal::print_line(format_args!("ZIP        {}\n", written.display()));
    let mut rows: Vec<_> = entries.into_iter().map(|file| [file.path, terminal::size(file.bytes)]).collect();
    rows.push([format!("{} files", rows.len()), terminal::size(total)]);
    terminal::print_line(terminal::table(["file", "size"], rows, &[1]));
    terminal::print_line("");
    Ok(())
}

/// Publishes the version as a preview and opens it like a visitor.
async fn publish(client: &ApiClient, visitor: &ApiClient, project: &str) -> anyhow::Result<Option<String>> {
    let path = format!("/api/projects/{project}/deploy");
    run_job(client, &path, &json!({"platform": "preview"})).await.context("the preview failed")?;
    let answer = client.get(&format!("/api/projects/{project}")).await?;
    let project = answer.body.get("project").unwrap_or(&answer.body);
    let Some(url) = project.get("deployment_url").and_then(Value::as_str) else { return Ok(None) };
    // Browsers take such a host for this machine; other programs may not find it.
    if url.contains(".localhost:") {
        return Ok(Some(url.to_owned()));
    }
    let path = text::path(url);
    visitor.download(&path).await.context("the preview does not answer")?;
    Ok(Some(visitor.url(&path)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_demos_own_instance_uses_only_its_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::for_tests();
        settings.database.url = "postgres://db/live".into();
        settings.redis.url = "redis://cache".into();
        settings.mail.smtp_url = "smtp://mail".into();
        settings.storage.url = "s3://live".to_owned();
        settings.server.bind = ([0, 0, 0, 0], 80).into();

        let settings = isolated(settings, &folder);

        assert!(settings.is_sqlite() && settings.database_url().contains(&*folder.path().to_string_lossy()));
        assert!(settings.redis_url().is_none() && settings.smtp_url().is_none());
        assert!(settings.database.url.expose_secret().is_empty());
        assert_eq!(settings.storage_dir(), Some(folder.path().join("objects")));
        assert_eq!(settings.server.bind, ([127, 0, 0, 1], 0).into());
    }

    #[test]
    fn log_lines_are_hidden_without_a_log_filter() {
        let asked = [("RUST_LOG".to_owned(), "debug".to_owned())];
        for (environment, filter) in [(&asked[..], "debug"), (&[], "error")] {
            let mut loaded =
                atelier_config::load_from(Role::Embedded, None, environment).expect("a configuration");
            silence_logs(&mut loaded);
            assert_eq!(loaded.settings.telemetry.log_filter, filter);
        }
    }
}
