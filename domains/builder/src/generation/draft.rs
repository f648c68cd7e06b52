//! The files of a generation while answers come in.

use std::collections::{HashMap, HashSet};

use crate::{
    edit,
    fault::{Fault, FaultCode},
    file::GeneratedFile,
    parse::ParsedCompletion,
    path::normalize_path,
};

/// Refused edits of a file after which it is asked for whole.
const MAX_REFUSED_EDITS: u32 = 2;

/// The files so far: those of the version that is changed, with what the answers gave.
#[derive(Debug, Default)]
pub(super) struct Draft {
    base: Vec<GeneratedFile>,
    files: Vec<GeneratedFile>,
    summary: String,
    /// How often edits of a file were refused, by its path.
    refused: HashMap<String, u32>,
    /// Files that had a fault before the last answer.
    faulty: HashSet<String>,
    /// Files that the last answer named.
    named: HashSet<String>,
}

/// What an answer brought.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) notes: Vec<Fault>,
    pub(super) faults: Vec<Fault>,
}

impl Draft {
    /// Begins with the files of the version that is changed; none for a new application.
    pub(super) fn new(base: Vec<GeneratedFile>) -> Self {
        Self { files: base.clone(), base, ..Self::default() }
    }

    /// The files.
    pub(super) fn files(&self) -> &[GeneratedFile] {
        &self.files
    }

    /// What the first answer said of the application.
    pub(super) fn summary(&self) -> &str {
        &self.summary
    }

    /// Takes over an answer. A file with a fault is left as it was; files that the answer does
    /// not name stay.
    pub(super) fn take(&mut self, parsed: ParsedCompletion) -> Taken {
        let ParsedCompletion { summary, files, edits, problems } = parsed;
        let (mut notes, mut faults): (Vec<_>, Vec<_>) =
            problems.into_iter().partition(|problem| problem.code.is_note());
        if !edits.is_empty() {
            faults.retain(|fault| fault.code != FaultCode::NoFiles);
        }
        if self.summary.is_empty() {
            self.summary = summary;
        }
        let of_edits = edits.iter().map(|edit| normalize_path(&edit.path));
        self.named = files.iter().map(|file| normalize_path(&file.path)).chain(of_edits).collect();
        let faulty: HashSet<&str> = faults.iter().filter_map(|fault| fault.path.as_deref()).collect();
        let whole = files.into_iter().filter(|file| !faulty.contains(file.path.as_str()));
        for file in whole {
            self.put(file);
        }
        let edited = edit::apply(std::mem::take(&mut self.files), &edits);
        self.files = edited.files;
        for fault in &edited.faults {
            if let Some(path) = &fault.path {
                *self.refused.entry(path.clone()).or_default() += 1;
            }
        }
        notes.extend(edited.notes);
        faults.extend(edited.faults);
        Taken { notes, faults }
    }

    fn put(&mut self, file: GeneratedFile) {
        let path = normalize_path(&file.path);
        match self.files.iter_mut().find(|known| known.path == path) {
            Some(known) => known.content = file.content,
            None => self.files.push(GeneratedFile { path, ..file }),
        }
    }

    /// Forgets the answers if their files are too many or too large together: then the whole is
    /// written again. Otherwise forgets the new files with a path that cannot be stored.
    pub(super) fn settle(&mut self, faults: &[Fault]) {
        self.faulty = faults.iter().filter_map(|fault| fault.path.clone()).collect();
        if faults.iter().any(|fault| matches!(fault.code, FaultCode::AppTooLarge | FaultCode::TooManyFiles)) {
            self.files.clone_from(&self.base);
            return;
        }
        let is_bad_path = |fault: &&Fault| {
            matches!(fault.code, FaultCode::BadPath | FaultCode::ReservedPath | FaultCode::PathConflict)
        };
        let bad: HashSet<&str> =
            faults.iter().filter(is_bad_path).filter_map(|fault| fault.path.as_deref()).collect();
        let base: HashSet<&str> = self.base.iter().map(|file| file.path.as_str()).collect();
        self.files.retain(|file| base.contains(file.path.as_str()) || !bad.contains(file.path.as_str()));
    }

    /// The files without those that had a fault, have one, and were not given again: as they were
    /// before the generation, or not at all. None if there is no such file.
    pub(super) fn without_abandoned(&self, faults: &[Fault]) -> Option<Vec<GeneratedFile>> {
        let paths = faults.iter().filter_map(|fault| fault.path.as_deref());
        let abandoned: HashSet<&str> =
            paths.filter(|path| self.faulty.contains(*path) && !self.named.contains(*path)).collect();
        if abandoned.is_empty() {
            return None;
        }
        let is_abandoned = |file: &&GeneratedFile| abandoned.contains(file.path.as_str());
        let stay = self.files.iter().filter(|file| !is_abandoned(file));
        Some(stay.chain(self.base.iter().filter(is_abandoned)).cloned().collect())
    }

    /// Goes on with these files.
    pub(super) fn set(&mut self, files: Vec<GeneratedFile>) {
        self.files = files;
    }

    /// The paths without a fault, which stay, and the files with one.
    pub(super) fn split<'a>(&'a self, faults: &[Fault]) -> (Vec<&'a str>, Vec<&'a GeneratedFile>) {
        let faulty: HashSet<&str> = faults.iter().filter_map(|fault| fault.path.as_deref()).collect();
        let (faulty, kept): (Vec<&GeneratedFile>, Vec<&GeneratedFile>) =
            self.files.iter().partition(|file| faulty.contains(file.path.as_str()));
        (kept.into_iter().map(|file| file.path.as_str()).collect(), faulty)
    }

    /// Files whose edits were refused again.
    pub(super) fn refused(&self) -> Vec<&str> {
        let often = self.refused.iter().filter(|(_, times)| **times >= MAX_REFUSED_EDITS);
        let mut paths: Vec<&str> = often.map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Change, Edit};

    fn file(path: &str, content: &str) -> GeneratedFile {
        GeneratedFile::new(path, content)
    }

    fn answer(files: Vec<GeneratedFile>, problems: Vec<Fault>) -> ParsedCompletion {
        ParsedCompletion { summary: "Books.".to_owned(), files, edits: Vec::new(), problems }
    }

    fn block(path: &str, search: &str) -> ParsedCompletion {
        let change = Change::Replace { search: search.to_owned(), replace: "x".to_owned() };
        let edits = vec![Edit { path: path.to_owned(), change, line: 1 }];
        let no_files = Fault::new(FaultCode::NoFiles, "the answer holds no file");
        ParsedCompletion { edits, ..answer(Vec::new(), vec![no_files]) }
    }

    fn contents(draft: &Draft) -> Vec<(&str, &str)> {
        draft.files().iter().map(|file| (file.path.as_str(), file.content.as_str())).collect()
    }

    #[test]
    fn a_change_that_returns_some_files_keeps_the_others() {
        let mut draft = Draft::new(vec![file("a.js", "a"), file("b.js", "b")]);
        let taken = draft.take(answer(vec![file("./b.js", "B"), file("c.js", "c")], Vec::new()));
        assert!(taken.faults.is_empty());
        assert_eq!(contents(&draft), [("a.js", "a"), ("b.js", "B"), ("c.js", "c")]);
        assert_eq!(draft.summary(), "Books.");
    }

    #[test]
    fn a_file_with_a_fault_never_replaces_a_good_one() {
        let mut draft = Draft::new(vec![file("a.js", "a"), file("b.js", "b")]);
        let stub = Fault::in_file("a.js", FaultCode::PartialFile, "the rest is missing");
        let taken = draft.take(answer(vec![file("a.js", "// … rest …"), file("b.js", "B")], vec![stub]));
        assert_eq!(taken.faults.len(), 1);
        assert_eq!(contents(&draft), [("a.js", "a"), ("b.js", "B")]);
        let (kept, faulty) = draft.split(&taken.faults);
        assert_eq!((kept, faulty[0].path.as_str()), (vec!["b.js"], "a.js"));
    }

    #[test]
    fn a_file_whose_blocks_fail_twice_is_asked_for_whole() {
        let mut draft = Draft::new(vec![file("a.js", "a")]);
        let first = draft.take(block("a.js", "nothing"));
        assert_eq!(first.faults[0].code, FaultCode::EditNotFound);
        assert!(draft.refused().is_empty());
        draft.take(block("a.js", "nothing"));
        assert_eq!(draft.refused(), ["a.js"]);
        let third = draft.take(block("a.js", "a"));
        assert!(third.faults.is_empty(), "an answer of blocks has files: {:?}", third.faults);
        assert_eq!(contents(&draft), [("a.js", "x")]);
    }

    #[test]
    fn a_faulty_file_that_is_not_given_again_can_be_left_out() {
        let mut draft = Draft::new(vec![file("a.js", "a")]);
        draft.take(answer(vec![file("a.js", "A("), file("b.json", "{"), file("c.js", "c")], Vec::new()));
        let faults =
            ["a.js", "b.json", "c.js"].map(|path| Fault::in_file(path, FaultCode::SyntaxError, "bad"));
        assert_eq!(draft.without_abandoned(&faults), None, "they came with the last answer");
        draft.settle(&faults[..2]);
        draft.take(answer(vec![file("d.js", "d")], Vec::new()));
        let rest = draft.without_abandoned(&faults).expect("two are abandoned");
        draft.set(rest);
        assert_eq!(contents(&draft), [("c.js", "c"), ("d.js", "d"), ("a.js", "a")]);
    }

    #[test]
    fn an_application_that_is_too_large_is_written_anew() {
        let mut draft = Draft::new(vec![file("a.js", "a")]);
        draft.take(answer(vec![file("b.js", "b"), file("../c.js", "c")], Vec::new()));
        draft.settle(&[Fault::in_file("../c.js", FaultCode::BadPath, "it climbs out")]);
        assert_eq!(contents(&draft), [("a.js", "a"), ("b.js", "b")]);
        draft.settle(&[Fault::new(FaultCode::AppTooLarge, "too large")]);
        assert_eq!(contents(&draft), [("a.js", "a")]);
    }
}
