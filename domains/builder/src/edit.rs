//! Applies the edits of an answer to files. Strict: a text that is not found exactly once, but
//! for spaces at the ends of lines and a uniform indentation, is refused.

mod place;

use std::collections::{BTreeSet, HashMap};

use crate::{
    fault::{Fault, FaultCode},
    file::{GeneratedFile, language_of},
    parse::{Change, Edit},
    path::normalize_path,
};
use place::{Misplaced, replace_once};

/// Files after the edits of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    /// The files. One with a fault is as it was before the first of its edits.
    pub files: Vec<GeneratedFile>,
    /// Edits that did nothing.
    pub notes: Vec<Fault>,
    /// Edits that were refused, at most one a file.
    pub faults: Vec<Fault>,
}

/// Applies edits in their order. The edits of one file are applied all or not at all. Files that
/// no edit names stay as they are, byte for byte.
#[must_use]
pub fn apply(files: Vec<GeneratedFile>, edits: &[Edit]) -> Edited {
    let mut working = Working { edited: Edited { files, ..Edited::default() }, ..Working::default() };
    for edit in edits {
        working.take(edit);
    }
    working.edited
}

/// The files while edits are applied.
#[derive(Default)]
struct Working {
    edited: Edited,
    /// Each edited file as it was, by its path now; none for one that an edit created.
    before: HashMap<String, Option<GeneratedFile>>,
    /// Files with a refused edit: their further edits are left out.
    refused: BTreeSet<String>,
}

impl Working {
    fn take(&mut self, edit: &Edit) {
        let path = normalize_path(&edit.path);
        if self.refused.contains(&path) {
            return;
        }
        self.keep(&path);
        let result = match &edit.change {
            Change::Replace { search, replace } => self.replace(&path, search, replace),
            Change::Delete => {
                self.delete(&path);
                Ok(())
            }
            Change::Rename { to } => self.rename(&path, &normalize_path(to)),
        };
        if let Err(fault) = result {
            self.refuse(&path, fault);
        }
    }

    fn position(&self, path: &str) -> Option<usize> {
        self.edited.files.iter().position(|file| file.path == path)
    }

    /// Remembers the file as it is before its first edit.
    fn keep(&mut self, path: &str) {
        let Self { edited, before, .. } = self;
        let found = || edited.files.iter().find(|file| file.path == path).cloned();
        before.entry(path.to_owned()).or_insert_with(found);
    }

    fn refuse(&mut self, path: &str, fault: Fault) {
        let before = self.before.remove(path).flatten();
        match (self.position(path), before) {
            (Some(at), Some(file)) => self.edited.files[at] = file,
            (Some(at), None) => drop(self.edited.files.remove(at)),
            (None, Some(file)) => self.edited.files.push(file),
            (None, None) => {}
        }
        self.refused.insert(path.to_owned());
        self.edited.faults.push(fault);
    }

    fn replace(&mut self, path: &str, search: &str, replace: &str) -> Result<(), Fault> {
        let Some(at) = self.position(path) else {
            if !search.trim().is_empty() {
                let message = "there is no file of this path to change";
                return Err(Fault::in_file(path, FaultCode::EditNotFound, message));
            }
            self.edited.files.push(GeneratedFile::new(path, replace));
            return Ok(());
        };
        if search == replace {
            let message = "a block replaces a text by itself";
            self.edited.notes.push(Fault::in_file(path, FaultCode::EditNoChange, message));
            return Ok(());
        }
        let file = &mut self.edited.files[at];
        file.content = replace_once(&file.content, search, replace).map_err(|why| fault_of(path, &why))?;
        Ok(())
    }

    fn delete(&mut self, path: &str) {
        match self.position(path) {
            Some(at) => drop(self.edited.files.remove(at)),
            None => {
                let message = "the file to delete is not there";
                self.edited.notes.push(Fault::in_file(path, FaultCode::EditNoChange, message));
            }
        }
    }

    fn rename(&mut self, path: &str, to: &str) -> Result<(), Fault> {
        let Some(at) = self.position(path) else {
            let message = "there is no file of this path to rename";
            return Err(Fault::in_file(path, FaultCode::EditNotFound, message));
        };
        if path == to {
            return Ok(());
        }
        if self.position(to).is_some() {
            let message = format!("it cannot be renamed to {to}, which is another file");
            return Err(Fault::in_file(path, FaultCode::PathConflict, &message));
        }
        let file = &mut self.edited.files[at];
        to.clone_into(&mut file.path);
        language_of(to).clone_into(&mut file.language);
        if let Some(before) = self.before.remove(path) {
            self.before.insert(to.to_owned(), before);
        }
        Ok(())
    }
}

fn fault_of(path: &str, why: &Misplaced) -> Fault {
    match why {
        Misplaced::Nowhere { closest: Some((line, text)) } => {
            let message = format!("the search text is not in the file; the closest lines are: {text}");
            Fault::in_file(path, FaultCode::EditNotFound, &message).at_line(*line)
        }
        Misplaced::Nowhere { closest: None } => {
            Fault::in_file(path, FaultCode::EditNotFound, "the search text is not in the file")
        }
        Misplaced::Several { count, line } => {
            let message =
                format!("the search text is in the file {count} times, first here; give more lines");
            Fault::in_file(path, FaultCode::EditAmbiguous, &message).at_line(*line)
        }
    }
}

#[cfg(test)]
mod tests;
