//! ZIP archives, and slugs for file names and addresses.

use std::io::{Cursor, Write};

use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::file::GeneratedFile;

/// Maximum length of a slug.
const MAX_SLUG: usize = 40;

/// A ZIP of these files. The order of the files does not change the bytes.
pub(super) fn zip(mut files: Vec<GeneratedFile>) -> Result<Vec<u8>, ZipError> {
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        archive.start_file(file.path, options)?;
        archive.write_all(file.content.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

/// A title as lower-case ASCII letters, digits and single hyphens, for file names and
/// addresses; `app` if nothing is left of it.
#[must_use]
pub fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in deunicode::deunicode(title).chars() {
        if slug.len() >= MAX_SLUG {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "app".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn slugs_are_safe() {
        for (title, expected) in [
            ("Reading list", "reading-list"),
            ("  Café — Été 2026! ", "cafe-ete-2026"),
            ("../../etc/passwd", "etc-passwd"),
            ("🎉", "tada"),
            ("", "app"),
            ("\"\r\n", "app"),
        ] {
            assert_eq!(slug(title), expected, "{title:?}");
        }
        assert!(slug(&"x y ".repeat(100)).len() <= MAX_SLUG);
    }

    #[test]
    fn archives_hold_every_file_and_do_not_depend_on_order() {
        let files = || vec![GeneratedFile::new("b/two.css", "two"), GeneratedFile::new("a.html", "one é")];
        let mut reversed = files();
        reversed.reverse();
        let bytes = zip(files()).expect("a ZIP");

        assert_eq!(bytes, zip(reversed).expect("a ZIP"));
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("readable");
        let mut text = String::new();
        archive.by_name("a.html").expect("there").read_to_string(&mut text).expect("text");
        assert_eq!((text.as_str(), archive.len()), ("one é", 2));
    }
}
