//! The direction of the crates and of their modules, and the shape of the files.

use crate::sources;

mod crates;
mod dependencies;
mod modules;

/// Most lines of a Rust file.
const FILE_LINES: usize = 400;

#[test]
fn no_rust_file_outgrows_its_budget() {
    let long: Vec<String> = sources::list_files("rs")
        .iter()
        .map(|file| (file, sources::read(file).lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(file, lines)| format!("{}: {lines} lines, {FILE_LINES} allowed", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn modules_are_in_files_of_their_name() {
    let found: Vec<_> =
        sources::list_files("rs").into_iter().filter(|file| file.ends_with("mod.rs")).collect();
    assert!(found.is_empty(), "name these files after their module: {found:?}");
}
