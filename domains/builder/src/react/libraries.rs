//! The libraries that published React applications may import.
//!
//! `scripts/preview-libraries` bundles them from their npm packages, and the build embeds
//! them where they are there. A site gets a copy of those that it imports: a later release
//! has other versions, and a site stays as it was published.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use serde::Deserialize;

// `EMBEDDED`: the manifest, and the modules by their names.
include!(concat!(env!("OUT_DIR"), "/libraries.rs"));

/// The folder of the libraries in a site.
pub const FOLDER: &str = "_atelier/lib";

/// The specifiers under which libraries can be imported, sorted. `libraries/build.mjs` has
/// the same list.
pub const NAMES: [&str; 20] = [
    "class-variance-authority",
    "clsx",
    "date-fns",
    "framer-motion",
    "immer",
    "lucide-react",
    "nanoid",
    "react",
    "react-dom",
    "react-dom/client",
    "react-hook-form",
    "react-router",
    "react-router-dom",
    "react/jsx-runtime",
    "recharts",
    "tailwind-merge",
    "uuid",
    "zod",
    "zustand",
    "zustand/middleware",
];

/// A library of the manifest.
#[derive(Debug, Deserialize)]
pub(super) struct Library {
    /// The name of its module.
    pub(super) file: String,
    /// The modules that it imports, directly or not.
    needs: Vec<String>,
    /// The names that it exports.
    pub(super) exports: BTreeSet<String>,
}

static LIBRARIES: LazyLock<BTreeMap<String, Library>> = LazyLock::new(|| {
    let Some((manifest, _)) = EMBEDDED else { return BTreeMap::new() };
    serde_json::from_str(manifest).unwrap_or_else(|error| {
        tracing::error!(%error, "the manifest of the embedded libraries cannot be read");
        BTreeMap::new()
    })
});

/// Whether this build has the libraries. Without them no React application can be shown.
#[must_use]
pub fn are_embedded() -> bool {
    !LIBRARIES.is_empty()
}

/// Whether applications may import this specifier.
pub(super) fn is_served(specifier: &str) -> bool {
    NAMES.contains(&specifier)
}

/// The library of a specifier, where this build has it.
pub(super) fn find(specifier: &str) -> Option<&'static Library> {
    LIBRARIES.get(specifier)
}

/// The path of a library's module in a site.
pub(super) fn path_of(specifier: &str) -> String {
    match find(specifier) {
        Some(library) => format!("{FOLDER}/{}", library.file),
        None => format!("{FOLDER}/{}.js", specifier.replace('/', "-")),
    }
}

/// The modules of these libraries and what they import, by their paths in a site.
pub(super) fn files_of(specifiers: &BTreeSet<String>) -> BTreeMap<String, String> {
    let Some((_, modules)) = EMBEDDED else { return BTreeMap::new() };
    let libraries = specifiers.iter().filter_map(|specifier| find(specifier));
    let wanted: BTreeSet<&str> = libraries
        .flat_map(|library| library.needs.iter().chain([&library.file]))
        .map(String::as_str)
        .collect();
    let wanted = modules.iter().filter(|(name, _)| wanted.contains(name));
    wanted.map(|(name, text)| (format!("{FOLDER}/{name}"), (*text).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_and_those_of_the_script() {
        assert!(NAMES.is_sorted());
        let script = include_str!("../../libraries/build.mjs");
        let list = script.split_once("const SPECIFIERS = [").and_then(|(_, rest)| rest.split_once("];"));
        let (list, _) = list.expect("the script has the list");
        let listed: BTreeSet<&str> = list
            .split(',')
            .map(|name| name.trim().trim_matches('\''))
            .filter(|name| !name.is_empty())
            .collect();

        assert_eq!(listed.into_iter().collect::<Vec<_>>(), NAMES);
    }

    #[test]
    fn a_library_comes_with_the_modules_that_it_imports() {
        if !are_embedded() {
            return;
        }
        let files = files_of(&BTreeSet::from(["react-dom/client".to_owned()]));

        assert!(files.contains_key(&path_of("react-dom/client")));
        for text in files.values() {
            for (_, rest) in text.match_indices("from\"./").map(|(at, mark)| (at, &text[at + mark.len()..])) {
                let name = rest.split('"').next().unwrap_or_default();
                assert!(files.contains_key(&format!("{FOLDER}/{name}")), "{name} is missing");
            }
        }
        assert!(find("react").is_some_and(|library| library.exports.contains("useState")));
    }
}
