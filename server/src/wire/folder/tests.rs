use tempfile::TempDir;

use super::*;

struct Place {
    settings: Settings,
    _folder: TempDir,
}

impl Place {
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
mod rights {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    fn open_to_all(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
    }

    #[test]
    fn what_an_instance_keeps_is_its_users_alone() {
        let place = Place::new();

        prepare(&place.settings).expect("prepared");

        for (path, expected) in [("", 0o700), ("objects", 0o700), ("atelier.db", 0o600)] {
            assert_eq!(mode(&place.data().join(path)), expected, "{path}");
        }
    }

    #[test]
    fn what_is_there_already_is_closed() {
        let place = Place::new();
        fs::create_dir_all(place.data().join("objects")).expect("made");
        for name in ["atelier.db", "atelier.db-wal", "atelier.db-shm", "jwt_secret"] {
            fs::write(place.data().join(name), "").expect("written");
            open_to_all(&place.data().join(name), 0o664);
        }
        open_to_all(place.data(), 0o755);

        prepare(&place.settings).expect("prepared");

        let files = ["atelier.db", "atelier.db-wal", "atelier.db-shm", "jwt_secret"];
        for name in files {
            assert_eq!(mode(&place.data().join(name)), 0o600, "{name}");
        }
        assert_eq!((mode(place.data()), mode(&place.data().join("objects"))), (0o700, 0o700));
    }

    #[test]
    fn a_folder_that_holds_other_things_keeps_its_rights() {
        let place = Place::new();
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
    fn a_folder_that_storage_url_names_keeps_its_rights() {
        let mut place = Place::new();
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
fn what_cannot_be_written_is_named_with_the_reason() {
    let mut place = Place::new();
    let file = place.data().with_file_name("a file");
    fs::write(&file, "").expect("written");
    place.settings.server.data_dir = file.join("data");

    let told = format!("{:#}", prepare(&place.settings).expect_err("no folder"));

    assert!(told.contains("a file/data") && told.contains("Not a directory"), "{told}");
}

#[test]
fn a_database_that_is_a_folder_is_refused() {
    let place = Place::new();
    fs::create_dir_all(place.data().join("atelier.db")).expect("made");

    let told = format!("{:#}", prepare(&place.settings).expect_err("no file"));

    assert!(told.starts_with("cannot write the database ") && told.contains("directory"), "{told}");
}

#[test]
fn postgresql_needs_no_data_folder() {
    let mut place = Place::new();
    place.settings.database.url = "postgres://db/atelier".into();
    place.settings.storage.url = "s3://bucket".to_owned();

    prepare(&place.settings).expect("prepared");

    assert!(!place.data().exists());
}
