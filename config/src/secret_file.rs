//! The data folder of an embedded instance, and the secrets in it: the signing secret and the
//! keys that encrypt credentials.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

use crate::credential_keys;
use crate::settings::Settings;
use crate::values::{self, Check};

/// A secret that an embedded instance makes for itself.
struct SecretFile {
    /// Its name in the data folder.
    name: &'static str,
    /// Makes the content.
    make: fn() -> String,
    /// Checks the content.
    check: Check,
}

const SIGNING: SecretFile = SecretFile {
    name: "jwt_secret",
    make: || hex::encode(rand::random::<[u8; 32]>()),
    check: values::signing_secret,
};

const CREDENTIALS: SecretFile = SecretFile {
    name: "credential_keys",
    make: || format!("embedded:{}", STANDARD.encode(rand::random::<[u8; 32]>())),
    check: credential_keys::check,
};

impl Settings {
    /// Creates the data folder where it is missing, accessible to its owner only.
    ///
    /// # Errors
    /// The error of the file system, with the folder's name.
    pub fn ensure_data_dir(&self) -> io::Result<()> {
        let folder = &self.server.data_dir;
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| explain(error, "cannot create the folder", folder))
    }

    /// Ensures that there is a signing secret: the one that is set, otherwise that in the
    /// file `<data_dir>/jwt_secret`. The file is created where it is missing, with 32 random
    /// bytes in hex, readable by its owner only. Processes that start at the same time get
    /// the same secret.
    ///
    /// # Errors
    /// The error of the file system; `InvalidData` where the file has less than 32 bytes.
    pub fn ensure_jwt_secret(&mut self) -> io::Result<()> {
        if self.auth.jwt_secret.expose_secret().is_empty() {
            self.auth.jwt_secret = self.ensure_file(&SIGNING)?;
        }
        Ok(())
    }

    /// Ensures that there is a key that encrypts credentials: those that are set, otherwise those
    /// in the file `<data_dir>/credential_keys`, which is created like the signing secret's, with
    /// one random key.
    ///
    /// # Errors
    /// The error of the file system; `InvalidData` where the file has no valid keys.
    pub fn ensure_credential_keys(&mut self) -> io::Result<()> {
        if self.credentials.keys.expose_secret().is_empty() {
            self.credentials.keys = self.ensure_file(&CREDENTIALS)?;
        }
        Ok(())
    }

    fn ensure_file(&self, file: &SecretFile) -> io::Result<SecretString> {
        self.ensure_data_dir()?;
        let path = self.server.data_dir.join(file.name);
        if !path.exists() {
            create(&path, file.make).map_err(|error| explain(error, "cannot create", &path))?;
        }
        read(&path, file.check).map_err(|error| explain(error, "cannot read", &path))
    }
}

fn explain(error: io::Error, what: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

fn read(path: &Path, check: Check) -> io::Result<SecretString> {
    let text = fs::read_to_string(path)?;
    let secret = text.trim();
    let checked = values::filled(secret).and_then(|()| check(secret));
    checked.map_err(|message| io::Error::new(io::ErrorKind::InvalidData, format!("the secret {message}")))?;
    Ok(secret.into())
}

/// Writes a new secret to a temporary file and moves it to `path`, unless another process
/// has created `path` meanwhile.
fn create(path: &Path, make: fn() -> String) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.tmp", hex::encode(rand::random::<[u8; 8]>())));
    let placed = write_draft(&draft, make).and_then(|()| place(&draft, path));
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => placed.and(Err(error)),
        _ => placed,
    }
}

fn write_draft(draft: &Path, make: fn() -> String) -> io::Result<()> {
    let mut file = create_private(draft)?;
    file.write_all(make().as_bytes())?;
    file.sync_all()
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Links instead of renaming, since a hard link fails where the name exists. Renames on file
/// systems without hard links.
fn place(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => fs::rename(draft, path),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings_in(folder: &Path) -> Settings {
        let mut settings = Settings::for_tests();
        settings.auth.jwt_secret = SecretString::default();
        settings.credentials.keys = SecretString::default();
        settings.server.data_dir = folder.join("data");
        settings
    }

    fn ensured(folder: &Path) -> String {
        let mut settings = settings_in(folder);
        settings.ensure_jwt_secret().expect("a secret");
        settings.auth.jwt_secret.expose_secret().to_owned()
    }

    #[test]
    fn creates_a_secret_once_and_keeps_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = ensured(folder.path());
        assert_eq!(first.len(), 64);
        assert_eq!(ensured(folder.path()), first);
        let names: Vec<_> = fs::read_dir(folder.path().join("data")).expect("the folder").collect();
        assert_eq!(names.len(), 1, "a draft was left behind: {names:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        ensured(folder.path());
        let file = fs::metadata(folder.path().join("data/jwt_secret")).expect("the file");
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        let data = fs::metadata(folder.path().join("data")).expect("the folder");
        assert_eq!(data.permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn processes_that_start_at_once_agree() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| ensured(folder.path()))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a secret")).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    }

    #[test]
    fn a_secret_that_is_set_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = settings_in(folder.path());
        settings.auth.jwt_secret = "a secret of my own that is long enough".into();
        settings.ensure_jwt_secret().expect("nothing to do");
        assert!(!settings.server.data_dir.exists());
    }

    #[test]
    fn keys_of_credentials_are_created_once_and_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let ensured = || {
            let mut settings = settings_in(folder.path());
            settings.ensure_credential_keys().expect("a key");
            settings.credential_keys()
        };
        let (first, second) = (ensured(), ensured());
        assert_eq!((first.len(), second.len(), &*first[0].id), (1, 1, "embedded"));
        assert_eq!(first[0].secret.expose_secret(), second[0].secret.expose_secret());

        fs::write(folder.path().join("data/credential_keys"), "embedded:c2hvcnQ=").expect("written");
        let error = settings_in(folder.path()).ensure_credential_keys().expect_err("too short");
        assert!(error.to_string().contains("\"embedded\" must have 32 bytes, has 5"), "{error}");
    }

    #[test]
    fn a_file_that_was_cut_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = settings_in(folder.path());
        settings.ensure_data_dir().expect("the folder");
        for content in ["", "hunter2"] {
            fs::write(settings.server.data_dir.join("jwt_secret"), content).expect("written");
            let error = settings.ensure_jwt_secret().expect_err("too short");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(
                error.to_string().contains("jwt_secret") && !error.to_string().contains("hunter2"),
                "{error}"
            );
        }
    }
}
