//! Writing and listing the ZIP of the demo.

use std::{
    fs::File,
    io::{self, Cursor, Write},
    path::{Path, PathBuf},
};

/// A file in a ZIP.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) bytes: u64,
}

/// The files of a ZIP, in their order.
pub(crate) fn list_entries(zip: &[u8]) -> Result<Vec<Entry>, zip::result::ZipError> {
    let mut zip_file = zip::ZipArchive::new(Cursor::new(zip))?;
    let mut entries = Vec::with_capacity(zip_file.len());
    for index in 0..zip_file.len() {
        let file = zip_file.by_index(index)?;
        if file.is_file() {
            entries.push(Entry { path: file.name()?.to_string(), bytes: file.size() });
        }
    }
    Ok(entries)
}

/// Writes the file that the user named. An existing file is replaced.
pub(crate) fn write_named(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    std::fs::write(path, bytes)?;
    Ok(path.to_owned())
}

/// Writes `name` into `folder`, or `name-2`, `name-3` … if a file of that name exists.
pub(crate) fn write_unused_name(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "zip"));
    for number in 1..1_000 {
        let name =
            if number == 1 { format!("{stem}.{extension}") } else { format!("{stem}-{number}.{extension}") };
        let path = folder.join(name);
        match File::create_new(&path) {
            Ok(mut file) => return file.write_all(bytes).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("{stem}.{extension} and all numbered names exist"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_replaces_a_file_that_the_user_did_not_name() {
        let folder = tempfile::tempdir().expect("a folder");

        let paths: Vec<PathBuf> = (0..3)
            .map(|number| write_unused_name(folder.path(), "list.zip", &[number]).expect("written"))
            .collect();

        let names: Vec<_> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["list.zip", "list-2.zip", "list-3.zip"]);
        assert_eq!(std::fs::read(&paths[0]).expect("read"), [0]);
    }

    #[test]
    fn lists_the_files_of_a_zip() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file("app/index.html", options).expect("started");
        writer.write_all(b"<h1>").expect("written");
        let zip = writer.finish().expect("finished").into_inner();

        let entries = list_entries(&zip).expect("a ZIP");

        assert_eq!(entries, [Entry { path: "app/index.html".to_owned(), bytes: 4 }]);
        assert!(list_entries(b"no ZIP").is_err());
    }
}
