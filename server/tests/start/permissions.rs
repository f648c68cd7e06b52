//! The permissions of an instance's files.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use atelier_tests::Client;
use tempfile::TempDir;
use tokio::process::Command;

use crate::process::{Environment, Exited, exited};

const ATELIER: &str = env!("CARGO_BIN_EXE_atelier");

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
}

/// A path and everything below it.
fn walk(path: &Path) -> Vec<PathBuf> {
    let below =
        fs::read_dir(path).into_iter().flatten().flat_map(|entry| walk(&entry.expect("an entry").path()));
    std::iter::once(path.to_owned()).chain(below).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_users_cannot_read_any_file_of_an_embedded_instance() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    set_mode(&data, 0o755);
    let mut running = Environment::embedded(&data).start(ATELIER);

    let ada = Client::new(&running.url().await).register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;
    ada.job_once(&job, "succeeded").await;
    let export = format!("/api/projects/{project}/export/zip");
    let _zip = ada.client.post(&export).send().await.expect(200);
    let kept = walk(&data);
    running.signal("TERM").await;
    assert_eq!(running.exited().await.code, Some(0));

    let names: Vec<_> = kept.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    for name in ["atelier.db", "atelier.db-wal", "atelier.db-shm", "jwt_secret", "credential_keys", "objects"]
    {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    let open = |path: &&PathBuf| path.metadata().is_ok_and(|found| found.mode() & 0o077 != 0);
    assert_eq!(kept.iter().filter(open).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

/// Starts an instance in this folder with file permissions in force: root drops its privilege
/// to bypass them.
async fn start_unprivileged(data: &Path) -> Exited {
    let environment = Environment::embedded(data);
    if data.metadata().expect("a folder").uid() != 0 {
        return environment.run(ATELIER, &[]).await;
    }
    let mut command: Command = environment.command("setpriv");
    command.args(["--bounding-set=-dac_override,-dac_read_search", ATELIER]);
    exited(&mut command).await
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_ends_the_start_with_the_reason() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path();
    for what in ["an empty folder", "one with a database"] {
        set_mode(data, 0o555);
        let refused = start_unprivileged(data).await;
        set_mode(data, 0o755);

        assert_eq!(refused.code, Some(1), "{what}: {refused:?}");
        let message = refused.last_message();
        let expected = format!("cannot write into the folder {}: Permission denied", data.display());
        assert!(message.starts_with(&expected), "{what}: {message}");
        let made = Environment::embedded(data).run(ATELIER, &["migrate"]).await;
        assert_eq!(made.code, Some(0), "{made:?}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_written_ends_the_start_with_the_reason() {
    let folder = TempDir::new().expect("a folder");
    let made = Environment::embedded(folder.path()).run(ATELIER, &["migrate"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let file = folder.path().join("atelier.db");
    set_mode(&file, 0o400);

    let refused = start_unprivileged(folder.path()).await;

    assert_eq!(refused.code, Some(1), "{refused:?}");
    let expected = format!("cannot write the database {}: Permission denied", file.display());
    assert!(refused.last_message().starts_with(&expected), "{refused:?}");
}
