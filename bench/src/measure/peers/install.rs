//! Installs the peers by name with the tool of their language, into a folder outside the
//! repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::process::Command;

use super::{language::Language, output};

/// Ensures that a language's peers are installed, and returns the words of the command
/// that runs them.
pub(super) async fn install(language: Language, cache: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let sources = sources()?;
    match language {
        Language::Node => node("node", cache).await,
        Language::Ruby => ruby(&sources.join("ruby"), cache).await,
        Language::Python => python(&sources.join("python"), &cache.join("python")).await,
        Language::Rust => rust(&sources.join("rust"), &cache.join("rust")).await,
    }
}

/// The folder that Ruby's tool installs to.
pub(super) fn gems(cache: &Path) -> PathBuf {
    cache.join("ruby")
}

fn sources() -> anyhow::Result<PathBuf> {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let here = PathBuf::from("bench/peers");
    [here, built_in]
        .into_iter()
        .find(|path| path.is_dir())
        .context("bench/peers is not there: run this in the repository")
}

/// Ensures that the packages of the Node.js program in that folder of `bench/peers` are installed.
pub(in crate::measure) async fn node(name: &str, cache: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (sources, folder) = (&sources()?.join(name), &cache.join(name));
    let manifest = "package.json";
    let same = std::fs::read(folder.join(manifest)).ok() == std::fs::read(sources.join(manifest)).ok();
    copy(sources, folder)?;
    if !same || !folder.join("node_modules").is_dir() {
        let mut command = Command::new("npm");
        command.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder);
        if let Err(error) = output::read(command).await {
            std::fs::remove_file(folder.join(manifest))?;
            return Err(error.context("npm install"));
        }
    }
    Ok(vec!["node".into(), folder.join("peer.mjs")])
}

async fn ruby(sources: &Path, cache: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let gems = gems(cache);
    if !has_sidekiq(&gems).await? {
        let mut command = Command::new("gem");
        command.args(["install", "--no-document", "--install-dir"]).arg(&gems).arg("sidekiq:~>6.5");
        output::read(command).await.context("gem install (Debian has it as ruby-sidekiq)")?;
    }
    Ok(vec!["ruby".into(), sources.join("peer.rb")])
}

async fn has_sidekiq(gems: &Path) -> anyhow::Result<bool> {
    let mut command = Command::new("ruby");
    command.args(["-e", "print Gem::Specification.any? { |gem| gem.name == 'sidekiq' }"]);
    if gems.is_dir() {
        command.env("GEM_PATH", gems);
    }
    Ok(output::read(command).await.context("ruby")? == "true")
}

async fn python(sources: &Path, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let python = folder.join("bin/python");
    if !folder.join("installed").is_file() {
        let mut command = Command::new("python3");
        command.args(["-m", "venv"]).arg(folder);
        output::read(command).await.context("python3 -m venv")?;
        let mut command = Command::new(&python);
        command.args(["-m", "pip", "install", "--quiet", "--requirement"]);
        command.arg(sources.join("requirements.txt"));
        output::read(command).await.context("pip install")?;
        std::fs::write(folder.join("installed"), "")?;
    }
    Ok(vec![python, sources.join("peer.py")])
}

async fn rust(sources: &Path, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]);
    command.arg(sources.join("Cargo.toml")).arg("--target-dir").arg(folder);
    let status = command.status().await.context("cargo")?;
    if !status.success() {
        bail!("cargo build failed");
    }
    Ok(vec![folder.join("release/atelier-bench-peers")])
}

fn copy(sources: &Path, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for entry in std::fs::read_dir(sources)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    Ok(())
}
