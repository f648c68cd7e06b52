//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in the workspace")
}

/// The files of the repository with this extension, relative to the root and sorted, without
/// build output and hidden folders.
pub(crate) fn list_files(extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository can be read") {
            let entry = entry.expect("an entry of the repository can be read");
            let (name, path) = (entry.file_name(), entry.path());
            let name = name.to_string_lossy();
            let is_folder = entry.file_type().expect("an entry has a type").is_dir();
            if is_folder && !name.starts_with('.') && name != "target" && name != "node_modules" {
                folders.push(path);
            } else if !is_folder && path.extension().is_some_and(|found| found == extension) {
                files.push(path.strip_prefix(root()).expect("the walk starts at the root").to_path_buf());
            }
        }
    }
    files.sort();
    files
}

/// The text of a file given relative to the root.
pub(crate) fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
