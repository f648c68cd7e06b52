//! Checks `package.json`: that it can be installed and started, and that it lists what the
//! files import.

mod known;
mod versions;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::app::{App, file_name, folder_of, is_tool, join};
use super::script::RequestKind;
use super::{line_of, reference};
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// Modules of Node.js.
const BUILT_IN: [&str; 42] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "test",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "worker_threads",
    "zlib",
];
/// The objects in which `package.json` lists packages.
const LISTS: [&str; 4] = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
/// Scripts that run while the packages are installed.
const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];
/// Programs that run the file after them.
const RUNNERS: [&str; 5] = ["node", "nodemon", "tsx", "ts-node", "python"];
/// Folders that a build makes.
const MADE: [&str; 5] = ["dist/", "build/", "out/", ".next/", "lib/"];

/// A `package.json` that is an object.
struct Manifest<'a> {
    file: &'a GeneratedFile,
    object: Map<String, Value>,
}

impl Manifest<'_> {
    /// The fault at the line of a quoted text.
    fn fault(&self, code: FaultCode, quoted: &str, message: &str) -> Fault {
        let at = self.file.content.find(&format!("\"{quoted}\"")).unwrap_or_default();
        Fault::in_file(&self.file.path, code, message).at_line(line_of(&self.file.content, at))
    }

    fn bad(&self, quoted: &str, message: &str) -> Fault {
        self.fault(FaultCode::BadManifest, quoted, message)
    }

    /// The names and texts of one of the object's objects.
    fn entries(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let object = self.object.get(name).and_then(Value::as_object).into_iter().flatten();
        object.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// The listed packages with their versions.
    fn packages(&self) -> impl Iterator<Item = (&str, &str)> {
        LISTS.iter().flat_map(move |list| self.entries(list))
    }
}

/// The faults and notes of every `package.json`, and of imports that none lists.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    let manifests: Vec<Manifest<'_>> =
        app.files.iter().filter(|file| file_name(&file.path) == "package.json").filter_map(read).collect();
    let mut faults: Vec<Fault> = manifests.iter().flat_map(|manifest| check(app, manifest)).collect();
    faults.extend(list_unlisted(app, &manifests));
    faults.extend(manifests.iter().flat_map(|manifest| list_unused(app, manifest)));
    faults
}

/// None if the file is no JSON, which is a fault of its own.
fn read(file: &GeneratedFile) -> Option<Manifest<'_>> {
    match serde_json::from_str(&file.content).ok()? {
        Value::Object(object) => Some(Manifest { file, object }),
        _ => Some(Manifest { file, object: Map::new() }),
    }
}

fn check(app: &App<'_>, manifest: &Manifest<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if manifest.object.is_empty() {
        faults.push(manifest.bad("name", "package.json is not an object with a name and dependencies"));
    }
    if let Some(name) = manifest.object.get("name")
        && !name.as_str().is_some_and(is_package_name)
    {
        faults.push(
            manifest.bad("name", "the name of the package is not valid: lower-case letters, digits and -"),
        );
    }
    for (name, command) in manifest.entries("scripts") {
        if INSTALL_SCRIPTS.contains(&name) {
            faults.push(
                manifest
                    .bad(name, &format!("the script {name} runs while packages are installed; leave it out")),
            );
        }
        if let Some(path) = find_missing_file(app, manifest, command) {
            faults.push(
                manifest.bad(name, &format!("the script {name} runs {path}, which is not among the files")),
            );
        }
    }
    for (name, version) in manifest.packages() {
        if !is_package_name(name) {
            faults.push(manifest.bad(name, &format!("{name} is no name of a package")));
        } else if !versions::is_range(version) {
            let message = format!("{version} is no version of {name} in the registry, such as ^1.2.0");
            faults.push(manifest.bad(name, &message));
        } else if !known::is_known(name) {
            let message = format!("{name} is not among the well-known packages; make sure that it exists");
            faults.push(manifest.fault(FaultCode::UnknownPackage, name, &message));
        }
    }
    faults
}

/// Whether npm accepts the name: <https://docs.npmjs.com/cli/configuring-npm/package-json#name>.
fn is_package_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '~');
        !part.is_empty() && !part.starts_with(['.', '_']) && part.chars().all(allowed)
    };
    let is_valid = match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| is_part(scope) && is_part(name)),
        None => is_part(name),
    };
    is_valid && name.len() <= 214 && name != "node_modules"
}

/// The first file that the command runs and that neither is there nor is made by a build.
fn find_missing_file(app: &App<'_>, manifest: &Manifest<'_>, command: &str) -> Option<String> {
    let folder = folder_of(&manifest.file.path);
    command.split(['&', '|', ';']).find_map(|part| {
        let mut words = part.split_whitespace().skip_while(|word| word.contains('=') || *word == "cross-env");
        if !words.next().is_some_and(|word| RUNNERS.contains(&word)) {
            return None;
        }
        let path = words.find(|word| !word.starts_with('-') && *word != "watch")?.trim_matches(['"', '\'']);
        let is_script =
            [".js", ".mjs", ".cjs", ".ts", ".mts", ".py"].iter().any(|ending| path.ends_with(ending));
        let is_made = MADE.iter().any(|made| path.trim_start_matches("./").starts_with(made));
        let full = join(folder, path)?;
        (is_script && !is_made && app.file(&full).is_none()).then_some(full)
    })
}

/// The faults of imports of packages that the nearest `package.json` does not list.
fn list_unlisted(app: &App<'_>, manifests: &[Manifest<'_>]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (file, module) in
        app.scripts().filter(|(file, _)| !is_tool(&file.path) || file.path.contains(".config."))
    {
        for request in &module.requests {
            let is_import =
                matches!(request.kind, RequestKind::Statement | RequestKind::Dynamic | RequestKind::Require);
            let Some(package) =
                reference::package_of(&request.specifier).filter(|_| is_import && !request.is_type)
            else {
                continue;
            };
            if BUILT_IN.contains(&package) || reference::is_alias(app, &file.path, &request.specifier) {
                continue;
            }
            if !is_listed(manifests, &file.path, package) && seen.insert(package.to_owned()) {
                let message = match manifests {
                    [] => format!("{package} is imported, and there is no package.json that lists it"),
                    _ => format!("{package} is imported and not among the dependencies in package.json"),
                };
                faults.push(
                    Fault::in_file(&file.path, FaultCode::MissingDependency, &message)
                        .at_line(line_of(&file.content, request.at))
                        .with_hint("List the package with its version in package.json, or do without it."),
                );
            }
        }
    }
    faults
}

/// Whether a `package.json` in a folder of the file or above lists the package, or is it.
fn is_listed(manifests: &[Manifest<'_>], path: &str, package: &str) -> bool {
    manifests.iter().filter(|manifest| path.starts_with(folder_of(&manifest.file.path))).any(|manifest| {
        let own = manifest.object.get("name").and_then(Value::as_str);
        own == Some(package) || manifest.packages().any(|(name, _)| name == package)
    })
}

/// The notes of dependencies that no file and no script names.
fn list_unused(app: &App<'_>, manifest: &Manifest<'_>) -> Vec<Fault> {
    let folder = folder_of(&manifest.file.path);
    let is_named = |name: &str| {
        let own = name.rsplit('/').next().unwrap_or(name);
        let in_scripts = manifest.entries("scripts").any(|(_, command)| command.contains(own));
        let others = app.files.iter().filter(|file| file.path.starts_with(folder));
        let mut sources =
            others.filter(|file| file.path != manifest.file.path && !file.path.ends_with(".md"));
        in_scripts || sources.any(|file| file.content.contains(name))
    };
    let is_companion =
        |name: &str| name.starts_with("@types/") || matches!(name, "react-dom" | "typescript" | "tslib");
    let unused = manifest.entries("dependencies").filter(|(name, _)| !is_companion(name) && !is_named(name));
    unused
        .map(|(name, _)| {
            manifest.fault(FaultCode::UnusedDependency, name, &format!("no file imports {name}"))
        })
        .collect()
}

#[cfg(test)]
mod tests;
