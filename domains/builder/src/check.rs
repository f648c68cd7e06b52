//! Checks generated files: paths, counts, sizes, an entry file, and that every file parses
//! as its language.

mod entry;
mod link;
mod page;
pub(crate) mod script;
mod style;
mod syntax;

use atelier_entities::ProjectKind;

use crate::{
    fault::{Fault, FaultCode},
    file::{GeneratedFile, language_of},
    omission,
    path::{self, normalize_path},
};
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
}

/// Checks the files of an application of this kind.
///
/// # Errors
/// The faults, at most [`MAX_FAULTS`]. None of them is a note.
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
    if faults.is_empty() {
        faults = list_path_faults(&files);
        faults.extend(script::with_deep_stack(|| {
            files.iter().flat_map(list_text_faults).take(MAX_FAULTS).collect::<Vec<_>>()
        }));
        faults.extend(link::list_missing(&files));
    }
    let entry = entry::find_entry(&files, kind);
    if entry.is_none() && !files.is_empty() {
        faults.push(Fault::new(FaultCode::NoEntry, entry::missing_entry(kind)));
    }
    faults.truncate(MAX_FAULTS);
    match entry {
        Some(entry) if faults.is_empty() => Ok(CheckedApp { files, total_bytes, entry }),
        _ => Err(faults),
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

fn list_text_faults(file: &GeneratedFile) -> Vec<Fault> {
    if let Some(at) = file.content.find('\0') {
        let line = line_of(&file.content, at);
        return vec![Fault::in_file(&file.path, FaultCode::NulByte, "the file holds NUL").at_line(line)];
    }
    let mut faults = syntax::list_syntax_faults(file);
    faults.extend(omission::find_omission(file));
    faults
}

/// The line, counted from 1, of a byte offset.
pub(crate) fn line_of(content: &str, at: usize) -> u32 {
    let line = content.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    u32::try_from(line).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
