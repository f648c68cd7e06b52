use tempfile::TempDir;

use super::*;

struct Fixture {
    settings: Settings,
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::for_tests();
        settings.server.data_dir = folder.path().join("data");
        Self { settings, _folder: folder }
    }

    fn data(&self) -> &Path {
        &self.settings.server.data_dir
    }
}

#[cfg(unix)]
mod permissions {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    fn open_to_all(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
    }

    #[test]
    fn new_files_are_private() {
        let place = Fixture::new();

        prepare(&place.settings).expect("prepared");

        for (path, expected) in [("", 0o700), ("objects", 0o700), ("atelier.db", 0o600)] {
            assert_eq!(mode(&place.data().join(path)), expected, "{path}");
        }
    }

    #[test]
    fn existing_files_are_restricted() {
        let place = Fixture::new();
        fs::create_dir_all(place.data().join("objects")).expect("made");
        for name in ["atelier.db", "atelier.db-wal", "atelier.db-shm", "jwt_secret", "credential_keys"] {
            fs::write(place.data().join(name), "").expect("written");
            open_to_all(&place.data().join(name), 0o664);
        }
        open_to_all(place.data(), 0o755);

        prepare(&place.settings).expect("prepared");

        let files = ["atelier.db", "atelier.db-wal", "atelier.db-shm", "jwt_secret", "credential_keys"];
        for name in files {
            assert_eq!(mode(&place.data().join(name)), 0o600, "{name}");
        }
        assert_eq!((mode(place.data()), mode(&place.data().join("objects"))), (0o700, 0o700));
    }

    #[test]
    fn a_data_folder_with_other_files_keeps_its_permissions() {
        let place = Fixture::new();
        fs::create_dir_all(place.data()).expect("made");
        fs::write(place.data().join("letters.txt"), "").expect("written");
        open_to_all(&place.data().join("letters.txt"), 0o644);
        open_to_all(place.data(), 0o755);

        prepare(&place.settings).expect("prepared");

        assert_eq!((mode(place.data()), mode(&place.data().join("letters.txt"))), (0o755, 0o644));
        assert_eq!(mode(&place.data().join("atelier.db")), 0o600);
        assert_eq!(mode(&place.data().join("objects")), 0o700);
    }

    #[test]
    fn a_folder_of_storage_url_keeps_its_permissions() {
        let mut place = Fixture::new();
        fs::create_dir_all(place.data()).expect("made");
        let shared = place.data().with_file_name("shared");
        fs::create_dir_all(&shared).expect("made");
        open_to_all(&shared, 0o750);
        place.settings.storage.url = format!("file://{}", shared.display());

        prepare(&place.settings).expect("prepared");

        assert_eq!(mode(&shared), 0o750);
    }
}

#[test]
fn an_unwritable_path_is_reported_with_the_reason() {
    let mut place = Fixture::new();
    let file = place.data().with_file_name("a file");
    fs::write(&file, "").expect("written");
    place.settings.server.data_dir = file.join("data");

    let message = format!("{:#}", prepare(&place.settings).expect_err("no folder"));

    assert!(message.contains("a file/data") && message.contains("Not a directory"), "{message}");
}

#[test]
fn a_database_path_that_is_a_folder_is_rejected() {
    let place = Fixture::new();
    fs::create_dir_all(place.data().join("atelier.db")).expect("made");

    let message = format!("{:#}", prepare(&place.settings).expect_err("no file"));

    assert!(message.starts_with("cannot write the database ") && message.contains("directory"), "{message}");
}

#[test]
fn postgresql_needs_no_data_folder() {
    let mut place = Fixture::new();
    place.settings.database.url = "postgres://db/atelier".into();
    place.settings.storage.url = "s3://bucket".to_owned();

    prepare(&place.settings).expect("prepared");

    assert!(!place.data().exists());
}
