//! Resolves what modules import: files of the project, as Vite does, and libraries.

use std::collections::HashMap;

use super::libraries;
use crate::file::GeneratedFile;

/// Extensions that a specifier may leave out, in Vite's order.
const EXTENSIONS: [&str; 6] = ["mjs", "js", "ts", "jsx", "tsx", "json"];
/// The extensions of scripts.
const SCRIPTS: [&str; 6] = ["js", "mjs", "jsx", "ts", "mts", "tsx"];
/// The extensions of style sheets that need a preprocessor.
const PREPROCESSED: [&str; 4] = ["scss", "sass", "less", "styl"];
/// The files that may define aliases, relative to the page's folder.
const CONFIGURATIONS: [&str; 3] = ["tsconfig.json", "tsconfig.app.json", "jsconfig.json"];

/// What a specifier refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A script of the project.
    Script(String),
    /// A style sheet of the project.
    Style(String),
    /// A style sheet whose classes are renamed: `*.module.css`.
    StyleModule(String),
    /// A JSON file of the project.
    Json(String),
    /// The text of a file: `?raw`.
    Text(String),
    /// The address of a file.
    Asset(String),
    /// A library that Atelier serves.
    Library(String),
}

/// Why a specifier refers to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// There is no such file.
    NoFile,
    /// Atelier serves no such library.
    NoLibrary,
    /// A style sheet that needs a preprocessor.
    Preprocessed,
    /// A script of another host.
    Remote,
}

/// The files of a project by their paths, and its aliases.
pub(super) struct Project<'a> {
    files: HashMap<&'a str, &'a GeneratedFile>,
    /// The folder of the page, with a slash at its end unless it is the root.
    root: &'a str,
    /// Beginnings of specifiers and the paths that they stand for.
    aliases: Vec<(String, String)>,
}

impl<'a> Project<'a> {
    pub(super) fn new(files: &'a [GeneratedFile], root: &'a str) -> Self {
        let files: HashMap<_, _> = files.iter().map(|file| (file.path.as_str(), file)).collect();
        let mut aliases = Vec::new();
        for name in CONFIGURATIONS {
            let file = files.get(format!("{root}{name}").as_str());
            aliases.extend(file.into_iter().flat_map(|file| aliases_of(&file.content, root)));
        }
        for prefix in ["@/", "~/"] {
            aliases.push((prefix.to_owned(), format!("{root}src/")));
        }
        Self { files, root, aliases }
    }

    pub(super) fn root(&self) -> &'a str {
        self.root
    }

    pub(super) fn find(&self, path: &str) -> Option<&'a GeneratedFile> {
        self.files.get(path).copied()
    }

    /// The path of the file that an address of a page or of a script refers to, when it
    /// begins with a slash: below `public/`, or below the page's folder.
    pub(super) fn find_served(&self, address: &str) -> Option<&'a str> {
        let address = address.split(['?', '#']).next().unwrap_or_default();
        let path = address.strip_prefix('/')?;
        let path = join(self.root, path)?;
        let public = format!("{}public/{}", self.root, path.strip_prefix(self.root)?);
        self.find(&public).or_else(|| self.find(&path)).map(|file| file.path.as_str())
    }

    /// What a specifier in the script `from` refers to.
    pub(super) fn resolve(&self, from: &str, specifier: &str) -> Result<Target, Unresolved> {
        if specifier.contains("://") || specifier.starts_with("//") {
            return Err(Unresolved::Remote);
        }
        let (plain, query) = specifier.split_once('?').unwrap_or((specifier, ""));
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let found = if plain.starts_with("./") || plain.starts_with("../") || matches!(plain, "." | "..") {
            join(folder, plain).and_then(|path| self.complete(&path))
        } else if plain.starts_with('/') {
            let served = self.find_served(plain).map(str::to_owned);
            served.or_else(|| self.complete(&join(self.root, plain.trim_start_matches('/'))?))
        } else {
            let aliased = self
                .aliases
                .iter()
                .find_map(|(prefix, path)| self.complete(&join(path, plain.strip_prefix(prefix.as_str())?)?));
            match aliased {
                Some(path) => Some(path),
                None if libraries::is_served(plain) => return Ok(Target::Library(plain.to_owned())),
                None if self.is_alias(plain) => None,
                None => return Err(Unresolved::NoLibrary),
            }
        };
        found.map_or(Err(Unresolved::NoFile), |path| kind_of(path, query))
    }

    fn is_alias(&self, specifier: &str) -> bool {
        self.aliases.iter().any(|(prefix, _)| specifier.starts_with(prefix.as_str()))
    }

    /// The file of a path that may lack its extension or name a folder. A script in
    /// TypeScript may be named by the extension of its output.
    fn complete(&self, path: &str) -> Option<String> {
        if self.files.contains_key(path) {
            return Some(path.to_owned());
        }
        let output = path.strip_suffix(".js").or_else(|| path.strip_suffix(".jsx"));
        let sources = output.into_iter().flat_map(|stem| [format!("{stem}.ts"), format!("{stem}.tsx")]);
        let extended = EXTENSIONS.iter().map(|extension| format!("{path}.{extension}"));
        let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
        let index = EXTENSIONS.iter().map(|extension| format!("{folder}index.{extension}"));
        sources.chain(extended).chain(index).find(|candidate| self.files.contains_key(candidate.as_str()))
    }
}

/// Whether the path is one of a script.
pub(super) fn is_script(path: &str) -> bool {
    SCRIPTS.contains(&extension(path)) && !path.ends_with(".d.ts")
}

fn kind_of(path: String, query: &str) -> Result<Target, Unresolved> {
    match (query, extension(&path)) {
        ("raw", _) => Ok(Target::Text(path)),
        ("url", _) => Ok(Target::Asset(path)),
        (_, extension) if PREPROCESSED.contains(&extension) => Err(Unresolved::Preprocessed),
        (_, "css") if path.ends_with(".module.css") => Ok(Target::StyleModule(path)),
        (_, "css") => Ok(Target::Style(path)),
        (_, "json") => Ok(Target::Json(path)),
        _ if is_script(&path) => Ok(Target::Script(path)),
        _ => Ok(Target::Asset(path)),
    }
}

/// What follows the last dot of a path.
pub(super) fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The path of a relative one in a folder; none if it climbs out of the project.
fn join(folder: &str, relative: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in folder.split('/').chain(relative.split('/')) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// The aliases of `compilerOptions.paths`. Other forms than `prefix/*` are ignored.
fn aliases_of(configuration: &str, root: &str) -> Vec<(String, String)> {
    let Ok(parsed) = serde_json::from_str::<serde_json::Value>(&without_comments(configuration)) else {
        return Vec::new();
    };
    let options = &parsed["compilerOptions"];
    let base = options["baseUrl"].as_str().and_then(|base| join(root, base));
    let base = base.unwrap_or_else(|| root.trim_end_matches('/').to_owned());
    let paths = options["paths"].as_object().into_iter().flatten();
    let aliases = paths.filter_map(|(pattern, targets)| {
        let target = targets.as_array()?.first()?.as_str()?.strip_suffix('*')?;
        let prefix = pattern.strip_suffix('*').filter(|prefix| !prefix.is_empty())?;
        Some((prefix.to_owned(), join(&base, target)?))
    });
    aliases.collect()
}

/// JSON without the comments and trailing commas that a tsconfig may have.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = if next == '"' {
            string_length(rest)
        } else if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            continue;
        } else {
            next.len_utf8()
        };
        if matches!(next, '}' | ']') {
            let length = plain.trim_end().len();
            if plain[..length].ends_with(',') {
                plain.truncate(length - 1);
            }
        }
        plain.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    plain
}

/// The length of a JSON text that begins here, with its quotes.
fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> Vec<GeneratedFile> {
        paths.iter().map(|path| GeneratedFile::new(path, "")).collect()
    }

    #[test]
    fn specifiers_are_resolved_as_vite_does() {
        let files = files(&[
            "web/src/App.tsx",
            "web/src/lib/index.ts",
            "web/src/a.module.css",
            "web/src/a.css",
            "web/src/b.scss",
            "web/src/data.json",
            "web/src/logo.svg",
            "web/public/mark.svg",
            "web/src/mark.svg",
        ]);
        let project = Project::new(&files, "web/");
        for (specifier, target) in [
            ("./App", Ok(Target::Script("web/src/App.tsx".to_owned()))),
            ("./App.js", Ok(Target::Script("web/src/App.tsx".to_owned()))),
            ("./lib", Ok(Target::Script("web/src/lib/index.ts".to_owned()))),
            ("@/lib", Ok(Target::Script("web/src/lib/index.ts".to_owned()))),
            ("/src/App.tsx", Ok(Target::Script("web/src/App.tsx".to_owned()))),
            ("./a.css", Ok(Target::Style("web/src/a.css".to_owned()))),
            ("./a.module.css", Ok(Target::StyleModule("web/src/a.module.css".to_owned()))),
            ("./data.json", Ok(Target::Json("web/src/data.json".to_owned()))),
            ("./logo.svg", Ok(Target::Asset("web/src/logo.svg".to_owned()))),
            ("./logo.svg?raw", Ok(Target::Text("web/src/logo.svg".to_owned()))),
            ("/mark.svg", Ok(Target::Asset("web/public/mark.svg".to_owned()))),
            ("react", Ok(Target::Library("react".to_owned()))),
            ("./b.scss", Err(Unresolved::Preprocessed)),
            ("./app", Err(Unresolved::NoFile)),
            ("@/gone", Err(Unresolved::NoFile)),
            ("../../../etc/passwd", Err(Unresolved::NoFile)),
            ("three", Err(Unresolved::NoLibrary)),
            ("react/gone", Err(Unresolved::NoLibrary)),
            ("https://esm.sh/react", Err(Unresolved::Remote)),
        ] {
            assert_eq!(project.resolve("web/src/main.tsx", specifier), target, "{specifier}");
        }
    }

    #[test]
    fn aliases_of_a_tsconfig_with_comments_are_read() {
        let configuration = "{\n  // where\n  \"compilerOptions\": { \"baseUrl\": \".\", /* x */\n\
            \"paths\": { \"#ui/*\": [\"./src/ui/*\"], \"exact\": [\"x\"], },\n },\n}";
        assert_eq!(aliases_of(configuration, "web/"), [("#ui/".to_owned(), "web/src/ui".to_owned())]);
        assert_eq!(aliases_of("{ \"a\": \"// no comment\" ", ""), []);
        assert_eq!(without_comments("[\"a//b\", 1, ]"), "[\"a//b\", 1]");
    }
}
