//! The files of an application as the checks across files see them.

use std::collections::HashMap;

use atelier_entities::ProjectKind;

use super::entry;
use super::script::{self, Module};
use crate::file::GeneratedFile;

/// The files of an application, with its scripts read once.
pub(super) struct App<'a> {
    /// The files in their order.
    pub(super) files: &'a [GeneratedFile],
    /// The kind of the application.
    pub(super) kind: ProjectKind,
    /// Whether a server is among the files, which may answer to any address.
    pub(super) has_server: bool,
    /// Whether a build step may make further files.
    pub(super) is_built: bool,
    by_path: HashMap<&'a str, &'a GeneratedFile>,
    modules: HashMap<&'a str, Module>,
}

impl<'a> App<'a> {
    /// Reads the scripts of the files. To be called inside [`script::with_deep_stack`].
    pub(super) fn read(files: &'a [GeneratedFile], kind: ProjectKind) -> Self {
        let scripts = files.iter().filter(|file| is_script(file) && !file.content.contains('\0'));
        let read = |file: &'a GeneratedFile| {
            (file.path.as_str(), script::read(&file.content, script::source_type(&file.path)))
        };
        Self {
            files,
            kind,
            has_server: files.iter().any(entry::is_server_source),
            is_built: files.iter().any(|file| file_name(&file.path) == "package.json"),
            by_path: files.iter().map(|file| (file.path.as_str(), file)).collect(),
            modules: scripts.map(read).collect(),
        }
    }

    /// The file with exactly this path.
    pub(super) fn file(&self, path: &str) -> Option<&'a GeneratedFile> {
        self.by_path.get(path).copied()
    }

    /// What the script with this path contains.
    pub(super) fn module(&self, path: &str) -> Option<&Module> {
        self.modules.get(path)
    }

    /// The scripts without syntax errors.
    pub(super) fn scripts(&self) -> impl Iterator<Item = (&'a GeneratedFile, &Module)> {
        let with_module = move |file: &'a GeneratedFile| Some((file, self.module(&file.path)?));
        self.files.iter().filter_map(with_module).filter(|(_, module)| module.errors.is_empty())
    }

    /// The files in this language.
    pub(super) fn in_language(&self, language: &str) -> impl Iterator<Item = &'a GeneratedFile> {
        self.files.iter().filter(move |file| file.language == language)
    }

    /// The nearest file with this name in the folder of the path or above it.
    pub(super) fn nearest(&self, path: &str, name: &str) -> Option<&'a GeneratedFile> {
        let mut folder = folder_of(path);
        loop {
            if let Some(file) = self.file(&format!("{folder}{name}")) {
                return Some(file);
            }
            if folder.is_empty() {
                return None;
            }
            folder = folder_of(folder.trim_end_matches('/'));
        }
    }
}

/// Whether the file is JavaScript or TypeScript.
fn is_script(file: &GeneratedFile) -> bool {
    matches!(file.language.as_str(), "javascript" | "jsx" | "typescript" | "tsx")
}

/// Whether the file is a test or the settings of a tool, which a browser never loads.
pub(super) fn is_tool(path: &str) -> bool {
    let name = file_name(path);
    [".test.", ".spec.", ".config.", ".stories.", ".setup."].iter().any(|mark| name.contains(mark))
        || path
            .split('/')
            .any(|part| matches!(part, "__tests__" | "tests" | "test" | "e2e" | "scripts" | "cypress"))
        || name.starts_with('.')
        || matches!(name, "test.js" | "setupTests.js" | "setupTests.ts")
}

/// The last segment of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The folder of a path with `/` at its end; empty for the root.
pub(super) fn folder_of(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}

/// The path without `.` and `..`. None if it leaves the project.
pub(super) fn join(folder: &str, address: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in folder.split('/').chain(address.split('/')) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_inside_the_project() {
        for (folder, address, expected) in [
            ("", "a.js", Some("a.js")),
            ("src/", "./a.js", Some("src/a.js")),
            ("src/deep/", "../a.js", Some("src/a.js")),
            ("src/", "../../a.js", None),
            ("src/", "", Some("src")),
        ] {
            assert_eq!(join(folder, address).as_deref(), expected, "{folder} {address}");
        }
        assert_eq!((folder_of("a/b/c.js"), folder_of("c.js"), folder_of("a")), ("a/b/", "", ""));
    }

    #[test]
    fn the_nearest_file_of_a_name_is_found() {
        let files =
            ["package.json", "web/package.json", "web/src/a.ts"].map(|path| GeneratedFile::new(path, "{}"));
        let app = script::with_deep_stack(|| App::read(&files, ProjectKind::WebApp));
        let nearest = |path: &str| app.nearest(path, "package.json").map(|file| file.path.as_str());
        assert_eq!(
            (nearest("web/src/a.ts"), nearest("b.ts")),
            (Some("web/package.json"), Some("package.json"))
        );
        assert_eq!(app.nearest("web/src/a.ts", "missing.json"), None);
    }
}
