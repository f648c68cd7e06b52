//! Embeds the libraries that published React applications may import, where
//! `scripts/preview-libraries` has made them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

#[allow(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]
fn main() {
    // The folder of the libraries' own sources is always there: a path that is missing would
    // make cargo run this script at every build.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=libraries");
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("libraries/.built");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo names the folder"));
    fs::write(out.join("libraries.rs"), table(&built)).expect("the table is written");
}

/// The declaration of the embedded libraries: their manifest and their modules by name.
fn table(built: &Path) -> String {
    let kind = "static EMBEDDED: Option<(&str, &[(&str, &str)])> =";
    let manifest = built.join("manifest.json");
    if !manifest.is_file() {
        return format!("{kind} None;\n");
    }
    let mut modules: Vec<PathBuf> = fs::read_dir(built)
        .expect("the folder is read")
        .map(|entry| entry.expect("an entry is read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "js"))
        .collect();
    modules.sort();
    let mut text = format!("{kind} Some((include_str!({manifest:?}), &[\n");
    for module in modules {
        let name = module.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        writeln!(text, "    ({name:?}, include_str!({module:?})),").expect("a text can be written to");
    }
    text.push_str("]));\n");
    text
}
