//! The files of an instance on this machine: they must be writable, and private, because the
//! database contains password hashes and mails with links that sign in.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use atelier_config::Settings;
use atelier_foundation::database;
use uuid::Uuid;

/// The suffixes of SQLite's additional files.
const SQLITE_SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Creates the data folder, the SQLite file and the object folder of these settings, accessible
/// to this user only. Existing ones are restricted to this user. A data folder with other files
/// keeps its permissions, and so does a folder that `storage.url` names.
///
/// # Errors
/// The error of the file system, with the folder or file that cannot be written.
pub(super) fn prepare(settings: &Settings) -> anyhow::Result<()> {
    let mut own_paths =
        ["jwt_secret", "credential_keys"].map(|name| settings.server.data_dir.join(name)).to_vec();
    if let Some(file) = database_file(settings) {
        settings.ensure_data_dir()?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        create(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
        probe(folder).with_context(|| format!("cannot write into the folder {}", folder.display()))?;
        let creates = settings.database_url().contains("mode=rwc");
        open(&file, creates).with_context(|| format!("cannot write the database {}", file.display()))?;
        own_paths.extend(SQLITE_SUFFIXES.map(|ending| with_suffix(&file, ending)));
        own_paths.push(file);
    }
    if let Some(objects) = default_object_folder(settings) {
        let fault = || format!("cannot use the folder {}", objects.display());
        create(&objects).and_then(|()| probe(&objects)).with_context(fault)?;
        own_paths.push(objects);
    }
    if contains_only(&settings.server.data_dir, &own_paths) {
        own_paths.push(settings.server.data_dir.clone());
    }
    restrict(&own_paths);
    Ok(())
}

/// The SQLite file, if these settings use SQLite.
pub(super) fn database_file(settings: &Settings) -> Option<PathBuf> {
    database::sqlite_file(&settings.database_url())
}

/// The default object folder, unless `storage.url` is set.
pub(super) fn default_object_folder(settings: &Settings) -> Option<PathBuf> {
    if settings.storage.url.is_empty() { settings.storage_dir() } else { None }
}

fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Checks that files can be created in a folder. For a read-only folder SQLite only reports
/// that it cannot open its file.
fn probe(folder: &Path) -> io::Result<()> {
    let file = folder.join(format!(".atelier-{}", Uuid::new_v4().simple()));
    OpenOptions::new().write(true).create_new(true).open(&file)?;
    fs::remove_file(file)
}

fn open(file: &Path, creates: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(creates);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

fn with_suffix(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Whether a folder contains files of an instance and no other files.
fn contains_only(folder: &Path, own_paths: &[PathBuf]) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let entries: Vec<PathBuf> = entries.map_while(Result::ok).map(|entry| entry.path()).collect();
    let is_own = |path: &PathBuf| own_paths.contains(path);
    entries.iter().any(is_own)
        && entries
            .iter()
            .all(|path| is_own(path) || path.file_name().is_some_and(|name| name == "lost+found"))
}

/// Removes the permissions of other users from these paths.
#[cfg(unix)]
fn restrict(own_paths: &[PathBuf]) {
    use std::os::unix::fs::PermissionsExt;
    let mut restricted = Vec::new();
    for path in own_paths {
        let Ok(found) = fs::metadata(path) else { continue };
        let mode = found.permissions().mode();
        if mode & 0o077 == 0 {
            continue;
        }
        match fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700)) {
            Ok(()) => restricted.push(path.display().to_string()),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot remove the permissions of other users");
            }
        }
    }
    if !restricted.is_empty() {
        tracing::info!("removed the permissions of other users from: {}", restricted.join(", "));
    }
}

#[cfg(not(unix))]
fn restrict(_own_paths: &[PathBuf]) {}

#[cfg(test)]
mod tests;
