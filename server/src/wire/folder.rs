//! What an instance keeps on this machine: whether it can be written, and that nobody
//! else can read it. The database holds hashes of passwords, and links that sign in
//! while their mails wait.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use atelier_config::Settings;
use atelier_foundation::database;
use uuid::Uuid;

/// Files that SQLite keeps beside its database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Makes what these settings keep on this machine, for this user alone: the data folder,
/// the file of SQLite, the folder of the object store. What is there already is closed to
/// other users. A folder that holds other things keeps its rights, and so do those that
/// `storage.url` names.
///
/// # Errors
/// What the file system said, with the folder or file that cannot be written.
pub(super) fn prepare(settings: &Settings) -> anyhow::Result<()> {
    let mut ours = vec![settings.server.data_dir.join("jwt_secret")];
    if let Some(file) = database_file(settings) {
        settings.ensure_data_dir()?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        create(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
        probe(folder).with_context(|| format!("cannot write into the folder {}", folder.display()))?;
        let creates = settings.database_url().contains("mode=rwc");
        open(&file, creates).with_context(|| format!("cannot write the database {}", file.display()))?;
        ours.extend(BESIDE.map(|ending| with_ending(&file, ending)));
        ours.push(file);
    }
    if let Some(objects) = own_objects(settings) {
        let fault = || format!("cannot use the folder {}", objects.display());
        create(&objects).and_then(|()| probe(&objects)).with_context(fault)?;
        ours.push(objects);
    }
    if holds_nothing_but(&settings.server.data_dir, &ours) {
        ours.push(settings.server.data_dir.clone());
    }
    close(&ours);
    Ok(())
}

/// The file of SQLite, where these settings name one.
pub(super) fn database_file(settings: &Settings) -> Option<PathBuf> {
    database::sqlite_file(&settings.database_url())
}

/// The folder of the object store, unless the settings name another place.
pub(super) fn own_objects(settings: &Settings) -> Option<PathBuf> {
    if settings.storage.url.is_empty() { settings.storage_dir() } else { None }
}

fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whether files can be made in a folder: SQLite says of one that is read-only no more
/// than that it cannot open its file.
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

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Whether a folder holds something of an instance, and nothing else.
fn holds_nothing_but(folder: &Path, ours: &[PathBuf]) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let entries: Vec<PathBuf> = entries.map_while(Result::ok).map(|entry| entry.path()).collect();
    let is_ours = |path: &PathBuf| ours.contains(path);
    entries.iter().any(is_ours)
        && entries
            .iter()
            .all(|path| is_ours(path) || path.file_name().is_some_and(|name| name == "lost+found"))
}

/// Takes these from everybody but their owner, where somebody else has rights to them.
#[cfg(unix)]
fn close(ours: &[PathBuf]) {
    use std::os::unix::fs::PermissionsExt;
    let mut closed = Vec::new();
    for path in ours {
        let Ok(found) = fs::metadata(path) else { continue };
        let mode = found.permissions().mode();
        if mode & 0o077 == 0 {
            continue;
        }
        match fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700)) {
            Ok(()) => closed.push(path.display().to_string()),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "other users of this machine may have rights to it");
            }
        }
    }
    if !closed.is_empty() {
        tracing::info!("closed to other users of this machine: {}", closed.join(", "));
    }
}

#[cfg(not(unix))]
fn close(_ours: &[PathBuf]) {}

#[cfg(test)]
mod tests;
