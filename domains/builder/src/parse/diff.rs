//! Reads patches: unified diffs, and the form `*** Begin Patch`. A hunk with its context is a search and a
//! replacement. The line numbers of hunks are not read: models count them wrongly.

use super::edit::{Change, Edit};
use crate::{
    fault::{Fault, FaultCode},
    path::project_path,
};

/// What a patch changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Patch {
    /// Changes of files, in their order.
    pub(super) edits: Vec<Edit>,
    /// New files: path and content.
    pub(super) created: Vec<(String, String)>,
}

/// Whether the line begins a patch: `next` is the line after it.
pub(super) fn is_start(line: &str, next: Option<&str>) -> bool {
    line.starts_with("*** Begin Patch")
        || line.starts_with("diff --git ")
        || (line.starts_with("--- ") && next.is_some_and(|next| next.starts_with("+++ ")))
}

/// Whether the line may be part of a patch.
pub(super) fn is_part(line: &str) -> bool {
    const HEADS: [&str; 9] = [
        "*** ",
        "diff ",
        "index ",
        "new file",
        "deleted file",
        "old mode",
        "new mode",
        "similarity",
        "rename ",
    ];
    line.is_empty()
        || line.starts_with([' ', '\t', '+', '-', '@', '\\'])
        || HEADS.iter().any(|head| line.starts_with(head))
}

/// Whether the content of a block is a patch and not a file.
pub(super) fn is_patch(content: &str) -> bool {
    let mut lines = content.lines().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return false };
    is_start(first, lines.next()) || first.strip_prefix("@@ -").is_some_and(|rest| rest.contains(" @@"))
}

/// Reads a patch. `path` is the file of the hunks before the first header, where the block has a name; `line`
/// is the line of the answer at which the text begins.
///
/// # Errors
/// `PARTIAL_FILE` where a hunk is not an exact search and replacement: it has no context, names no file, or has a
/// line without a mark.
pub(super) fn read(path: Option<&str>, content: &str, line: u32) -> Result<Patch, Fault> {
    let mut reader = Reader { path: path.map(project_path), ..Reader::default() };
    let lines: Vec<&str> = content.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let number = line.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        let next = lines.get(at + 1).copied();
        let is_header = lines[at].starts_with("--- ") && next.is_some_and(|next| next.starts_with("+++ "));
        if let Some(new) = next.filter(|_| is_header) {
            reader.open_unified(lines[at], new, number)?;
            at += 2;
        } else {
            reader.push(lines[at], number)?;
            at += 1;
        }
    }
    reader.end_file()?;
    Ok(reader.patch)
}

/// A patch that is being read.
#[derive(Default)]
struct Reader {
    patch: Patch,
    path: Option<String>,
    /// The old name of a file that gets another one.
    renamed: Option<String>,
    /// Whether the file is new: its lines are all added.
    is_new: bool,
    is_deleted: bool,
    search: String,
    replace: String,
    /// Blank lines that belong to the hunk if another line of it follows.
    blanks: usize,
    /// The line of the answer at which the hunk begins.
    begin: u32,
}

impl Reader {
    fn push(&mut self, line: &str, number: u32) -> Result<(), Fault> {
        if let Some(head) = line.strip_prefix("*** ") {
            return self.open_section(head.trim(), number);
        }
        if line.starts_with("@@") {
            return self.end_hunk();
        }
        if line.starts_with("diff --git ") {
            self.end_file()?;
            self.path = None;
            return Ok(());
        }
        if self.search.is_empty() && self.replace.is_empty() {
            if line.trim().is_empty() || self.read_git_header(line) {
                return Ok(());
            }
            self.begin = number;
        }
        if line.is_empty() {
            self.blanks += 1;
            return Ok(());
        }
        for _ in 0..std::mem::take(&mut self.blanks) {
            self.both("", "");
        }
        match line.chars().next() {
            Some(' ') => self.both(&line[1..], &line[1..]),
            Some('+') => push_line(&mut self.replace, &line[1..]),
            Some('-') => push_line(&mut self.search, &line[1..]),
            Some('\\') => {}
            _ => return Err(self.partial("a line of the diff has no mark")),
        }
        Ok(())
    }

    fn both(&mut self, old: &str, new: &str) {
        push_line(&mut self.search, old);
        push_line(&mut self.replace, new);
    }

    /// Whether the line is one that Git writes before the hunks, such as `rename from a.js`. Names are taken.
    fn read_git_header(&mut self, line: &str) -> bool {
        if let Some(old) = line.strip_prefix("rename from ") {
            self.renamed = Some(project_path(old));
            return true;
        }
        if let Some(new) = line.strip_prefix("rename to ") {
            if let Some(old) = self.renamed.take() {
                self.rename(old, project_path(new));
            }
            return true;
        }
        ["diff ", "index ", "new file", "deleted file", "old mode", "new mode", "similarity"]
            .iter()
            .any(|head| line.starts_with(head))
    }

    fn rename(&mut self, path: String, to: String) {
        let line = self.begin.max(1);
        self.path = Some(to.clone());
        self.patch.edits.push(Edit { path, change: Change::Rename { to }, line });
    }

    /// Opens a file of a unified diff.
    fn open_unified(&mut self, old: &str, new: &str, number: u32) -> Result<(), Fault> {
        self.end_file()?;
        let name = |line: &str, side: &str| {
            let name = line[4..].split('\t').next().unwrap_or_default().trim();
            (name != "/dev/null").then(|| project_path(name.strip_prefix(side).unwrap_or(name)))
        };
        let (old, new) = (name(old, "a/"), name(new, "b/"));
        self.begin = number;
        self.is_new = old.is_none();
        self.is_deleted = new.is_none();
        self.path = new.or(old);
        Ok(())
    }

    /// Opens a file of the form `*** Begin Patch`.
    fn open_section(&mut self, head: &str, number: u32) -> Result<(), Fault> {
        if let Some(to) = head.strip_prefix("Move to: ") {
            self.begin = number;
            let path =
                self.path.take().ok_or_else(|| self.partial("the patch moves a file without a name"))?;
            self.rename(path, project_path(to));
            return Ok(());
        }
        if head.starts_with("End of File") {
            return self.end_hunk();
        }
        self.end_file()?;
        self.begin = number;
        for (kind, is_new, is_deleted) in
            [("Update File: ", false, false), ("Add File: ", true, false), ("Delete File: ", false, true)]
        {
            if let Some(path) = head.strip_prefix(kind) {
                self.path = Some(project_path(path));
                (self.is_new, self.is_deleted) = (is_new, is_deleted);
            }
        }
        Ok(())
    }

    fn end_hunk(&mut self) -> Result<(), Fault> {
        let search = std::mem::take(&mut self.search);
        let replace = std::mem::take(&mut self.replace);
        self.blanks = 0;
        if search.is_empty() && replace.is_empty() {
            return Ok(());
        }
        let Some(path) = self.path.clone() else {
            return Err(self.partial("the diff does not name the file it changes"));
        };
        if self.is_deleted {
            return Ok(());
        }
        if self.is_new && search.trim().is_empty() {
            self.patch.created.push((path, replace));
            return Ok(());
        }
        if search.trim().is_empty() {
            return Err(self.partial("a hunk of the diff has no lines of the file around it"));
        }
        let change = Change::Replace { search, replace };
        self.patch.edits.push(Edit { path, change, line: self.begin });
        Ok(())
    }

    fn end_file(&mut self) -> Result<(), Fault> {
        self.end_hunk()?;
        if self.is_deleted
            && let Some(path) = self.path.take()
        {
            self.patch.edits.push(Edit { path, change: Change::Delete, line: self.begin });
        }
        (self.is_new, self.is_deleted) = (false, false);
        Ok(())
    }

    fn partial(&self, message: &str) -> Fault {
        match &self.path {
            Some(path) => Fault::in_file(path, FaultCode::PartialFile, message),
            None => Fault::new(FaultCode::PartialFile, message),
        }
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &str, change: Change, line: u32) -> Edit {
        Edit { path: path.to_owned(), change, line }
    }

    fn replace(search: &str, replace: &str) -> Change {
        Change::Replace { search: search.to_owned(), replace: replace.to_owned() }
    }

    #[test]
    fn reads_a_unified_diff_without_its_numbers() {
        let text = "diff --git a/a.js b/a.js\nindex 1..2 100644\n--- a/a.js\n+++ b/a.js\n@@ -9,9 +9,9 @@ f\n let a;\n-b();\n+c();\n\
                    @@ -20 +20 @@\n-d();\n e();\n";
        let patch = read(None, text, 1).expect("a patch");
        let expected = [
            edit("a.js", replace("let a;\nb();\n", "let a;\nc();\n"), 6),
            edit("a.js", replace("d();\ne();\n", "e();\n"), 10),
        ];
        assert_eq!(patch.edits, expected);
        assert!(is_patch(text));
    }

    #[test]
    fn reads_new_deleted_and_renamed_files() {
        let text = "--- /dev/null\n+++ b/new.js\n@@ -0,0 +1 @@\n+let a;\n--- a/old.js\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
                    diff --git a/p.js b/q.js\nsimilarity index 90%\nrename from p.js\nrename to q.js\n";
        let patch = read(None, text, 1).expect("a patch");
        assert_eq!(patch.created, [("new.js".to_owned(), "let a;\n".to_owned())]);
        assert_eq!(patch.edits[0], edit("old.js", Change::Delete, 8));
        assert_eq!(patch.edits[1].change, Change::Rename { to: "q.js".to_owned() });
        assert_eq!((patch.edits[1].path.as_str(), patch.edits.len()), ("p.js", 2));
    }

    #[test]
    fn reads_the_form_of_begin_patch() {
        let text = "*** Begin Patch\n*** Update File: src/a.js\n@@ function f() {\n let a;\n-b();\n+c();\n*** Add File: b.js\n+let b;\n\
                    *** Delete File: c.js\n*** End Patch\n";
        let patch = read(None, text, 1).expect("a patch");
        let expected = [
            edit("src/a.js", replace("let a;\nb();\n", "let a;\nc();\n"), 4),
            edit("c.js", Change::Delete, 9),
        ];
        assert_eq!(patch.edits, expected);
        assert_eq!(patch.created, [("b.js".to_owned(), "let b;\n".to_owned())]);
        assert!(is_patch(text));
    }

    #[test]
    fn refuses_hunks_that_cannot_be_placed() {
        for (path, text) in [
            (None, "@@ -1 +1 @@\n-a\n+b\n"),
            (Some("a.js"), "@@ -1 +1 @@\n+b\n"),
            (Some("a.js"), "@@ -1 +1 @@\n-a\nb\n"),
        ] {
            assert_eq!(read(path, text, 1).expect_err(text).code, FaultCode::PartialFile, "{text}");
        }
    }

    #[test]
    fn tells_a_patch_from_a_file() {
        for text in [
            "let a;\n",
            "---\ntitle: x\n---\n",
            "- a\n- b\n",
            "@media print {}\n",
            "--- a ---\ntext\n",
            "# A\n--- a\n+++ b\n",
        ] {
            assert!(!is_patch(text), "{text}");
        }
    }
}
