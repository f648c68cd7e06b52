//! Checks generated files without running them: paths, counts, sizes, an entry file, that every
//! file parses as its language, and that the files fit together and into the preview.

mod app;
mod entry;
mod json;
mod manifest;
mod markup;
mod page;
mod policy;
mod python;
mod reference;
pub(crate) mod script;
mod server;
mod style;
mod syntax;
mod vite;

use atelier_entities::ProjectKind;

use crate::{
    fault::{Fault, FaultCode},
    file::{GeneratedFile, language_of},
    omission,
    path::{self, normalize_path},
};
use app::App;
pub(crate) use entry::is_server_source;

/// Maximum number of faults that one check returns.
pub const MAX_FAULTS: usize = 20;

/// Size limits of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of files.
    pub max_files: usize,
    /// Maximum size of a file, in bytes.
    pub max_file_bytes: usize,
    /// Maximum size of all files together, in bytes.
    pub max_total_bytes: usize,
}

/// An application that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedApp {
    /// The files, in their order, with normalized and unique paths and their language by path.
    pub files: Vec<GeneratedFile>,
    /// Size of all files together, in bytes.
    pub total_bytes: usize,
    /// The entry file.
    pub entry: String,
    /// What works and is worth knowing, at most [`MAX_FAULTS`]: what the preview does not load,
    /// or a dependency that nothing uses.
    pub notes: Vec<Fault>,
}

/// Checks the files of an application of this kind.
///
/// # Errors
/// The faults, at most [`MAX_FAULTS`]. None of them is a note. One in a file has the lines
/// around it in its hint, as notes have.
pub fn check(
    mut files: Vec<GeneratedFile>,
    limits: Limits,
    kind: ProjectKind,
) -> Result<CheckedApp, Vec<Fault>> {
    for file in &mut files {
        file.path = normalize_path(&file.path);
        language_of(&file.path).clone_into(&mut file.language);
    }
    let total_bytes = files.iter().map(|file| file.content.len()).sum();
    let mut faults = list_size_faults(&files, total_bytes, limits);
    let mut notes = Vec::new();
    if faults.is_empty() {
        faults = list_path_faults(&files);
        let (found, other): (Vec<_>, Vec<_>) = script::with_deep_stack(|| examine(&files, kind))
            .into_iter()
            .partition(|fault| !fault.code.is_note());
        faults.extend(found);
        notes = other;
    }
    let entry = entry::find_entry(&files, kind);
    if entry.is_none() && !files.is_empty() {
        faults.push(Fault::new(FaultCode::NoEntry, entry::missing_entry(kind)));
    }
    faults.truncate(MAX_FAULTS);
    notes.truncate(MAX_FAULTS);
    let notes = notes.into_iter().map(|note| with_lines(note, &files)).collect();
    match entry {
        Some(entry) if faults.is_empty() => Ok(CheckedApp { files, total_bytes, entry, notes }),
        _ => Err(faults.into_iter().map(|fault| with_lines(fault, &files)).collect()),
    }
}

/// The faults and notes of the files' texts. What is wrong in one file comes before what is
/// wrong between files, which often follows from it.
fn examine(files: &[GeneratedFile], kind: ProjectKind) -> Vec<Fault> {
    let app = App::read(files, kind);
    let mut found: Vec<Fault> = files.iter().flat_map(|file| list_text_faults(&app, file)).collect();
    found.extend(reference::list_faults(&app));
    found.extend(manifest::list_faults(&app));
    found.extend(python::list_faults(&app));
    found.extend(policy::list_faults(&app));
    found.extend(server::list_faults(&app));
    found.extend(vite::list_faults(&app));
    found
}

/// The fault with the lines around it.
fn with_lines(fault: Fault, files: &[GeneratedFile]) -> Fault {
    match files.iter().find(|file| Some(&file.path) == fault.path.as_ref()) {
        Some(file) => fault.with_lines_of(&file.content),
        None => fault,
    }
}

fn list_size_faults(files: &[GeneratedFile], total_bytes: usize, limits: Limits) -> Vec<Fault> {
    let mut faults = Vec::new();
    if files.is_empty() {
        faults.push(Fault::new(FaultCode::NoFiles, "there are no files"));
    }
    if files.len() > limits.max_files {
        let message = format!("{} files are more than the {} allowed", files.len(), limits.max_files);
        faults.push(Fault::new(FaultCode::TooManyFiles, &message));
    }
    if total_bytes > limits.max_total_bytes {
        let message =
            format!("{total_bytes} bytes in all are more than the {} allowed", limits.max_total_bytes);
        faults.push(Fault::new(FaultCode::AppTooLarge, &message));
    }
    for file in files.iter().filter(|file| file.content.len() > limits.max_file_bytes).take(MAX_FAULTS) {
        let message =
            format!("{} bytes are more than the {} allowed", file.content.len(), limits.max_file_bytes);
        faults.push(Fault::in_file(&file.path, FaultCode::FileTooLarge, &message));
    }
    faults
}

fn list_path_faults(files: &[GeneratedFile]) -> Vec<Fault> {
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut faults: Vec<Fault> = paths.iter().filter_map(|path| path::find_path_fault(path)).collect();
    faults.extend(path::list_conflicts(&paths));
    faults
}

fn list_text_faults(app: &App<'_>, file: &GeneratedFile) -> Vec<Fault> {
    if let Some(at) = file.content.find('\0') {
        let line = line_of(&file.content, at);
        return vec![Fault::in_file(&file.path, FaultCode::NulByte, "the file holds NUL").at_line(line)];
    }
    let mut faults = syntax::list_syntax_faults(file, app.module(&file.path));
    if file.language == "html" {
        faults.extend(markup::list_faults(file, &page::read(&file.content)));
    }
    faults.extend(omission::find_omission(file));
    faults
}

/// The line, counted from 1, of a byte offset.
pub(crate) fn line_of(content: &str, at: usize) -> u32 {
    let line = content.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    u32::try_from(line).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
