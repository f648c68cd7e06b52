//! Validates the paths of an application's files.

use std::collections::{HashMap, HashSet};

use icu_normalizer::ComposingNormalizer;

use crate::fault::{Fault, FaultCode};

/// Maximum length of a path, in characters.
const MAX_CHARS: usize = 200;
/// Maximum number of segments.
const MAX_DEPTH: usize = 12;

/// Folders that belong to tools or hold secrets.
const RESERVED_FOLDERS: [&str; 9] =
    [".git", ".svn", ".hg", ".ssh", ".aws", ".gnupg", ".kube", ".docker", "node_modules"];
/// Files that hold secrets.
const RESERVED_FILES: [&str; 12] = [
    ".env",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".htpasswd",
    ".pgpass",
    ".git-credentials",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "credentials.json",
];
/// Endings of files such as `.env.example` that have no secrets.
const SAMPLE_ENDINGS: [&str; 4] = ["example", "sample", "template", "dist"];

/// Folders of a writer's machine that hold the project; the path behind them is the path in the project.
const PROJECT_FOLDERS: [&str; 9] = [
    "/home/project/",
    "/home/user/project/",
    "/home/user/app/",
    "/workspace/",
    "/workspaces/",
    "/project/",
    "/mnt/data/",
    "/usr/src/app/",
    "~/project/",
];
/// Folders of a system. A path that begins with one of them is not a path of the project.
const SYSTEM_FOLDERS: [&str; 17] = [
    "etc", "usr", "var", "bin", "sbin", "root", "proc", "sys", "dev", "tmp", "home", "boot", "opt", "run",
    "mnt", "users", "windows",
];

/// The path with `/` between its segments, without a leading `./`, and with composed characters (Unicode NFC),
/// so that a name has one spelling. It is not validated.
pub(crate) fn normalize_path(raw: &str) -> String {
    let slashed = ComposingNormalizer::new_nfc().normalize(raw.trim()).replace('\\', "/");
    let mut path = slashed.as_str();
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    path.to_owned()
}

/// The normalized path of a file that a model names: below the folder of a project, as in
/// `/home/project/index.html`, or from the root of a site, as in `/index.html`, it is made relative. It is not
/// validated; an absolute path of a system stays one.
pub(crate) fn project_path(raw: &str) -> String {
    let path = normalize_path(raw);
    if let Some(inside) = PROJECT_FOLDERS.iter().find_map(|folder| path.strip_prefix(folder)) {
        return normalize_path(inside);
    }
    let Some(relative) = path.strip_prefix('/') else { return path };
    let first = relative.split('/').next().unwrap_or_default().to_lowercase();
    if first.is_empty() || SYSTEM_FOLDERS.contains(&first.as_str()) { path } else { normalize_path(relative) }
}

/// The fault of a normalized path, if it has one.
pub(crate) fn find_path_fault(path: &str) -> Option<Fault> {
    let bad = |message: &str| Some(Fault::in_file(path, FaultCode::BadPath, message));
    if path.is_empty() {
        return bad("a file needs a path");
    }
    if path.chars().count() > MAX_CHARS {
        return bad("the path is longer than 200 characters");
    }
    if path.chars().any(is_invisible) {
        return bad("the path holds control or invisible characters");
    }
    if path.starts_with('/') {
        return bad("the path must be relative to the project, without a leading slash");
    }
    let segments: Vec<&str> = path.split('/').collect();
    if segments.len() > MAX_DEPTH {
        return bad("the path is deeper than 12 folders");
    }
    segments.iter().find_map(|segment| find_segment_fault(path, segment)).or_else(|| {
        is_reserved(&segments).then(|| {
            Fault::in_file(path, FaultCode::ReservedPath, "this path is reserved; leave the file out")
        })
    })
}

fn find_segment_fault(path: &str, segment: &str) -> Option<Fault> {
    let bad = |message: &str| Some(Fault::in_file(path, FaultCode::BadPath, message));
    match segment {
        "" => return bad("the path has an empty segment"),
        "." | ".." => return bad("the path must not hold . or .. segments"),
        _ => {}
    }
    if segment.contains(['<', '>', ':', '"', '|', '?', '*', '`']) {
        return bad("the path holds one of < > : \" | ? * `");
    }
    if segment.starts_with(' ') || segment.ends_with([' ', '.']) {
        return bad("a segment of the path begins or ends with a space, or ends with a dot");
    }
    let stem = segment.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_device = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.ends_with(|c: char| c.is_ascii_digit() && c != '0'));
    if is_device { bad("the path uses a device name") } else { None }
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

fn is_reserved(segments: &[&str]) -> bool {
    let lower: Vec<String> = segments.iter().map(|s| s.to_lowercase()).collect();
    let Some((file, _)) = lower.split_last() else { return false };
    let is_private_env =
        file.starts_with(".env.") && !SAMPLE_ENDINGS.contains(&file.rsplit('.').next().unwrap_or_default());
    lower.iter().any(|s| RESERVED_FOLDERS.contains(&s.as_str()))
        || RESERVED_FILES.contains(&file.as_str())
        || is_private_env
}

/// The faults of paths that exclude each other: equal except for case, or a file where
/// another path has a folder.
pub(crate) fn list_conflicts(paths: &[&str]) -> Vec<Fault> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    let mut folders: HashSet<String> = HashSet::new();
    let mut faults = Vec::new();
    for path in paths {
        let lower = path.to_lowercase();
        folders.extend(lower.match_indices('/').map(|(at, _)| lower[..at].to_owned()));
        if let Some(other) = seen.insert(lower, path) {
            let message = format!("the path is the same as {other} where case does not count");
            faults.push(Fault::in_file(path, FaultCode::PathConflict, &message));
        }
    }
    faults.extend(paths.iter().filter(|path| folders.contains(&path.to_lowercase())).map(|path| {
        Fault::in_file(path, FaultCode::PathConflict, "this file has the name of a folder of other files")
    }));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(path: &str) -> Option<FaultCode> {
        find_path_fault(&normalize_path(path)).map(|fault| fault.code)
    }

    #[test]
    fn accepts_the_paths_of_ordinary_projects() {
        for path in [
            "index.html",
            "./src/app.js",
            "src\\components\\App.jsx",
            "app/[id]/page.tsx",
            "app/(shop)/page.tsx",
            ".gitignore",
            ".env.example",
            ".github/workflows/ci.yml",
            "pages/_app.tsx",
            "pkg/__init__.py",
            "données/été.json",
            "Dockerfile",
            "console.js",
            "comet.py",
            "my file.txt",
        ] {
            assert_eq!(code(path), None, "{path}");
        }
    }

    #[test]
    fn rejects_a_path_that_climbs_out() {
        for path in ["../x.js", "src/../../x.js", "..", "a/..", "..\\x.js", "a/./b.js", "./../x"] {
            assert_eq!(code(path), Some(FaultCode::BadPath), "{path}");
        }
    }

    #[test]
    fn rejects_paths_that_cannot_exist_everywhere() {
        let long = format!("{}.js", "x".repeat(200));
        let deep = "a/".repeat(12) + "b.js";
        for path in [
            "",
            " ",
            "/etc/passwd",
            "\\\\server\\x",
            "C:\\x.js",
            "c:/x.js",
            "a//b.js",
            "a/",
            "a\u{0}b.js",
            "a\nb.js",
            "a\u{202E}sj.js",
            "a?.js",
            "a|b",
            "nul",
            "NUL.txt",
            "com1.js",
            "x./a.js",
            "x /a.js",
            &long,
            &deep,
        ] {
            assert_eq!(code(path), Some(FaultCode::BadPath), "{path:?}");
        }
    }

    #[test]
    fn rejects_secrets_and_folders_of_tools() {
        for path in [
            ".git/config",
            "sub/.GIT/hooks/post-commit",
            ".env",
            "api/.env.production",
            ".ssh/id_rsa",
            "keys/id_ed25519",
            "node_modules/x/index.js",
            ".npmrc",
        ] {
            assert_eq!(code(path), Some(FaultCode::ReservedPath), "{path}");
        }
    }

    #[test]
    fn makes_the_paths_of_a_writers_machine_relative() {
        for (raw, path) in [
            ("/index.html", "index.html"),
            ("/src/app.js", "src/app.js"),
            ("/home/project/src/app.js", "src/app.js"),
            ("/workspace/index.html", "index.html"),
            ("./a.js", "a.js"),
            ("/etc/passwd", "/etc/passwd"),
            ("/home/project/../../etc/passwd", "../../etc/passwd"),
            ("//server/x", "//server/x"),
            ("C:\\x.js", "C:/x.js"),
            ("e\u{301}te\u{301}.css", "\u{e9}t\u{e9}.css"),
        ] {
            assert_eq!(project_path(raw), path, "{raw}");
        }
    }

    #[test]
    fn finds_paths_that_collide() {
        assert!(list_conflicts(&["src/a.js", "src/b.js", "lib/a.js"]).is_empty());
        let same = list_conflicts(&["src/App.js", "SRC/app.js"]);
        assert_eq!(same.len(), 1);
        assert_eq!(same[0].path.as_deref(), Some("SRC/app.js"));
        let folder = list_conflicts(&["src/app.js", "Src"]);
        assert_eq!(folder.len(), 1);
        assert_eq!(folder[0].path.as_deref(), Some("Src"));
    }
}
