//! References of scripts: the modules they import, and whether these export the names.

use std::collections::HashSet;

use serde_json::Value;

use super::{local, missing};
use crate::check::app::{App, file_name, folder_of, is_tool, join};
use crate::check::script::{Module, Request, RequestKind};
use crate::check::{json, line_of};
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// What bundlers add to the path of an import, in their order.
const ENDINGS: [&str; 18] = [
    "",
    ".tsx",
    ".ts",
    ".jsx",
    ".js",
    ".mjs",
    ".cjs",
    ".mts",
    ".json",
    ".css",
    ".d.ts",
    ".vue",
    ".svelte",
    "/index.tsx",
    "/index.ts",
    "/index.jsx",
    "/index.js",
    "/index.mjs",
];
/// Names of exports that a fault lists.
const MAX_LISTED: usize = 6;

/// Where a request leads.
enum Target<'a> {
    /// To a file of the project.
    File(&'a GeneratedFile),
    /// To a file that does not exist.
    Missing,
    /// To a package, another host, or what only the running application knows.
    Elsewhere,
}

/// The faults and notes of the references of scripts.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    let imports_by_itself =
        app.files.iter().any(|file| file.path.contains(".config.") && file.content.contains("auto-import"));
    let mut faults = Vec::new();
    for (file, module) in app.scripts() {
        faults.extend(module.requests.iter().filter_map(|request| check(app, file, request)));
        if !imports_by_itself && !file.path.ends_with(".d.ts") {
            faults.extend(list_undefined(file, module));
        }
    }
    faults
}

fn list_undefined(file: &GeneratedFile, module: &Module) -> Vec<Fault> {
    let mut seen = HashSet::new();
    let first = module.undefined.iter().filter(|(name, _)| seen.insert(name.as_str()));
    let fault = |(name, at): &(String, usize)| {
        let message = format!("{name} is used and neither declared nor imported");
        Fault::in_file(&file.path, FaultCode::UndefinedName, &message)
            .at_line(line_of(&file.content, *at))
            .with_hint("Import the name from the module that exports it.")
    };
    first.map(fault).collect()
}

fn check(app: &App<'_>, file: &GeneratedFile, request: &Request) -> Option<Fault> {
    match find_target(app, file, request) {
        Target::Elsewhere => None,
        Target::File(target) => find_missing_name(app, file, request, target),
        Target::Missing => {
            let code = match request.kind {
                RequestKind::Fetch => FaultCode::MissingAsset,
                _ => FaultCode::MissingFile,
            };
            let folder = match request.specifier.strip_prefix("@/") {
                Some(inner) => format!("/src/{inner}"),
                None => request.specifier.clone(),
            };
            Some(missing(app, file, code, &folder, request.at))
        }
    }
}

fn find_target<'a>(app: &App<'a>, file: &GeneratedFile, request: &Request) -> Target<'a> {
    let Some(address) = local(&request.specifier) else { return Target::Elsewhere };
    match request.kind {
        RequestKind::Fetch | RequestKind::Worker => {
            let name = file_name(address);
            let may_be_made = app.has_server || !name.contains('.') || is_tool(&file.path);
            let exists = app.files.iter().any(|other| file_name(&other.path) == name);
            if may_be_made || exists { Target::Elsewhere } else { Target::Missing }
        }
        RequestKind::ModuleUrl if !file_name(address).contains('.') => Target::Elsewhere,
        _ => {
            let Some(bases) = bases(app, &file.path, address, request.kind) else { return Target::Elsewhere };
            let found = bases.iter().find_map(|base| find_module(app, base));
            match found {
                Some(found) if is_left_to_the_browser(app, file, request, found) => Target::Missing,
                Some(found) => Target::File(found),
                None => Target::Missing,
            }
        }
    }
}

/// Whether a browser loads the module itself, and the import lacks the ending that it needs.
fn is_left_to_the_browser(
    app: &App<'_>,
    file: &GeneratedFile,
    request: &Request,
    found: &GeneratedFile,
) -> bool {
    let is_compiled = app.is_built
        || app.has_server
        || app.files.iter().any(|file| matches!(file.language.as_str(), "jsx" | "typescript" | "tsx"));
    let is_import = matches!(request.kind, RequestKind::Statement | RequestKind::Dynamic);
    let path = local(&request.specifier).unwrap_or_default();
    is_import && !is_compiled && !is_tool(&file.path) && file_name(path) != file_name(&found.path)
}

/// The paths, without ending, that an import may mean. None for a package.
fn bases(app: &App<'_>, from: &str, address: &str, kind: RequestKind) -> Option<Vec<String>> {
    let own = folder_of(from);
    if address.starts_with('.') || kind == RequestKind::ModuleUrl && !address.starts_with('/') {
        return Some(join(own, address).into_iter().collect());
    }
    if let Some(inner) = address.strip_prefix('/') {
        let package = app.nearest(from, "package.json").map_or("", |file| folder_of(&file.path));
        return Some(["", "public/"].iter().map(|root| format!("{package}{root}{inner}")).collect());
    }
    if is_alias_of_vite(app, from, address) {
        return None;
    }
    aliased(app, from, address)
}

/// Whether Vite's settings name the first part of the import, which they may map to anything.
fn is_alias_of_vite(app: &App<'_>, from: &str, address: &str) -> bool {
    let first = address.split('/').next().unwrap_or_default();
    let configs = ["vite.config.ts", "vite.config.js", "vite.config.mjs"];
    let mut texts = configs.iter().filter_map(|name| app.nearest(from, name)).map(|file| &file.content);
    first != "@"
        && texts
            .any(|text| [format!("'{first}':"), format!("\"{first}\":")].iter().any(|key| text.contains(key)))
}

/// Whether the import is one of the project's own aliases and no package.
pub(in crate::check) fn is_alias(app: &App<'_>, from: &str, specifier: &str) -> bool {
    specifier.starts_with(['#', '~'])
        || local(specifier)
            .is_none_or(|path| aliased(app, from, path).is_some() || is_alias_of_vite(app, from, path))
}

/// The paths of an import that begins with an alias: one of `paths` in the nearest
/// `tsconfig.json`, a module below its `baseUrl`, or `@/` for `src/`.
fn aliased(app: &App<'_>, from: &str, address: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for name in ["tsconfig.json", "tsconfig.app.json", "jsconfig.json"] {
        let Some(file) = app.nearest(from, name) else { continue };
        found.extend(list_mapped(app, file, address));
    }
    if let Some(inner) = address.strip_prefix("@/") {
        let package = app.nearest(from, "package.json").map_or("", |file| folder_of(&file.path));
        let roots = [format!("{package}src/"), package.to_owned(), "src/".to_owned()];
        found.extend(roots.iter().map(|root| format!("{root}{inner}")));
    }
    (!found.is_empty()).then_some(found)
}

/// The paths to which `paths` of a `tsconfig.json` map an import, and the path below its
/// `baseUrl` if there is a module.
fn list_mapped(app: &App<'_>, config: &GeneratedFile, address: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<Value>(&json::without_comments(&config.content)) else {
        return Vec::new();
    };
    let options = &value["compilerOptions"];
    let base = options["baseUrl"].as_str().unwrap_or(".");
    let Some(folder) = join(folder_of(&config.path), base) else { return Vec::new() };
    let below = join(&folder, address).filter(|_| options["baseUrl"].is_string());
    let mut found: Vec<String> = below.into_iter().filter(|path| find_module(app, path).is_some()).collect();
    for (pattern, targets) in options["paths"].as_object().into_iter().flatten() {
        let matched = match pattern.strip_suffix('*') {
            Some("") => None,
            Some(prefix) => address.strip_prefix(prefix),
            None => (pattern == address).then_some(""),
        };
        let Some(rest) = matched else { continue };
        let targets = targets.as_array().into_iter().flatten().filter_map(Value::as_str);
        found.extend(targets.filter_map(|target| join(&folder, &target.replace('*', rest))));
    }
    found
}

/// The module at a path to which a bundler may add an ending.
fn find_module<'a>(app: &App<'a>, base: &str) -> Option<&'a GeneratedFile> {
    let added = ENDINGS.iter().find_map(|ending| app.file(&format!("{base}{ending}")));
    added.or_else(|| {
        let stem = base.strip_suffix(".js").or_else(|| base.strip_suffix(".jsx"))?;
        [".ts", ".tsx"].iter().find_map(|ending| app.file(&format!("{stem}{ending}")))
    })
}

/// The fault of the first name that the target does not export.
fn find_missing_name(
    app: &App<'_>,
    file: &GeneratedFile,
    request: &Request,
    target: &GeneratedFile,
) -> Option<Fault> {
    let is_missing = |name: &&String| !exports_name(app, target, name, &mut HashSet::new());
    let name = request.names.iter().find(is_missing)?;
    let exported: Vec<&str> =
        app.module(&target.path)?.exports.names.iter().map(String::as_str).take(MAX_LISTED).collect();
    let message = if name == "default" {
        format!("{} has no default export", target.path)
    } else {
        format!("{} does not export {name}", target.path)
    };
    let hint = match exported.as_slice() {
        [] => "It exports nothing.".to_owned(),
        ["default"] => "It has a default export only: import it without braces.".to_owned(),
        names => format!("It exports {}: import these with braces, the default without.", names.join(", ")),
    };
    let fault = Fault::in_file(&file.path, FaultCode::MissingExport, &message);
    Some(fault.at_line(line_of(&file.content, request.at)).with_hint(&hint))
}

/// Whether the module exports the name, itself or through `export *`. A module that is not
/// understood may export anything.
fn exports_name(app: &App<'_>, file: &GeneratedFile, name: &str, seen: &mut HashSet<String>) -> bool {
    let Some(module) = app.module(&file.path) else { return true };
    if !module.errors.is_empty() || module.exports.is_open || module.exports.names.contains(name) {
        return true;
    }
    if name == "default" || !seen.insert(file.path.clone()) {
        return false;
    }
    module.exports.stars.iter().any(|star| {
        let request = Request::new(star, 0, RequestKind::Statement);
        match find_target(app, file, &request) {
            Target::File(target) => exports_name(app, target, name, seen),
            Target::Missing | Target::Elsewhere => true,
        }
    })
}

/// The package that an import names, such as `@scope/name` of `@scope/name/part`. None for a
/// path, an address, or a module of a bundler.
pub(in crate::check) fn package_of(specifier: &str) -> Option<&str> {
    if specifier.is_empty()
        || specifier.starts_with(['.', '/', '#', '~'])
        || specifier.contains([':', '$', '`', '!'])
    {
        return None;
    }
    let bare = specifier.split('?').next().unwrap_or_default();
    let end = match bare.strip_prefix('@') {
        Some(_) => bare.match_indices('/').nth(1).map(|(at, _)| at),
        None => bare.find('/'),
    };
    Some(&bare[..end.unwrap_or(bare.len())])
}
