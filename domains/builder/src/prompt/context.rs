//! Chooses the files that a request shows whole, and outlines the others.

use std::collections::HashSet;

use crate::file::GeneratedFile;

use super::quote;

/// Maximum number of files that are outlined.
const MAX_OUTLINED: usize = 100;
/// Maximum number of names in the outline of a file.
const MAX_NAMES: usize = 12;
/// Entries of applications.
const ENTRIES: [&str; 10] = [
    "index.html",
    "package.json",
    "app.tsx",
    "app.jsx",
    "main.tsx",
    "main.jsx",
    "app.js",
    "server.js",
    "main.py",
    "requirements.txt",
];

/// Marks the files to show whole in `budget` bytes: those that the person names, then the
/// entries, then what these name or are named by, then the others; in each class the small ones
/// first.
pub(super) fn choose(files: &[GeneratedFile], prompt: &str, budget: usize) -> Vec<bool> {
    let prompt = prompt.to_lowercase();
    let mut classes: Vec<u8> = files.iter().map(|file| class_of(file, &prompt)).collect();
    let near: Vec<&GeneratedFile> =
        files.iter().zip(&classes).filter(|(_, class)| **class < 2).map(|(file, _)| file).collect();
    let named = words_of(near.iter().copied());
    let stems: HashSet<&str> = near.iter().map(|file| stem(&file.path)).collect();
    for (file, class) in files.iter().zip(&mut classes).filter(|(_, class)| **class > 1) {
        let is_named = named.contains(stem(&file.path));
        let names_one = || words_of([file]).iter().any(|word| stems.contains(word));
        if is_named || names_one() {
            *class = 2;
        }
    }
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|at| (classes[*at], files[*at].content.len()));
    let mut shown = vec![false; files.len()];
    let mut left = budget;
    for at in order {
        let size = files[at].content.len() + files[at].path.len();
        if size <= left {
            left -= size;
            shown[at] = true;
        }
    }
    shown
}

fn class_of(file: &GeneratedFile, prompt: &str) -> u8 {
    let path = file.path.to_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    if !prompt.is_empty() && prompt.contains(name) {
        0
    } else if ENTRIES.contains(&name) {
        1
    } else {
        3
    }
}

/// The file's name without its ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}

/// The words of lines that may name other files.
fn words_of<'a>(files: impl IntoIterator<Item = &'a GeneratedFile>) -> HashSet<&'a str> {
    let names = |line: &&str| {
        ["import", "from", "require", "src=", "href=", "url("].iter().any(|word| line.contains(word))
    };
    let words = |line: &'a str| line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
    let lines = files.into_iter().flat_map(|file| file.content.lines());
    lines.filter(names).flat_map(words).filter(|word| word.len() > 1).collect()
}

/// A line for each file that is not shown: path, size, and the names that it exports.
pub(super) fn outline<'a>(files: impl Iterator<Item = &'a GeneratedFile>) -> String {
    let lines = files.take(MAX_OUTLINED).map(|file| {
        let names = exports(&file.content).join(", ");
        let names = if names.is_empty() { names } else { format!(": {}", quote::attribute(&names)) };
        format!("{} ({} bytes){names}", quote::attribute(&file.path), file.content.len())
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The names that a file declares for others, as far as its lines tell.
fn exports(content: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let names = content.lines().filter_map(|line| {
        let rest = match line.strip_prefix("export ") {
            Some(rest) => rest.strip_prefix("default ").unwrap_or(rest),
            None => line.strip_prefix("def ").or_else(|| line.strip_prefix("class "))?,
        };
        let declared = ["async ", "function ", "const ", "let ", "class ", "interface ", "type ", "enum "];
        let rest = declared.iter().fold(rest, |rest, word| rest.strip_prefix(*word).unwrap_or(rest));
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    });
    names.take(MAX_NAMES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &str) -> GeneratedFile {
        GeneratedFile::new(path, content)
    }

    #[test]
    fn named_files_go_before_entries_and_these_before_their_neighbours() {
        let files = [
            file("src/far.js", &"x".repeat(50)),
            file("src/list.js", &"y".repeat(100)),
            file("index.html", "<script src=\"src/list.js\"></script>"),
            file("src/detail.js", &"z".repeat(200)),
        ];
        let shown = |budget| choose(&files, "Change detail.js, please", budget);
        assert_eq!(shown(220), [false, false, false, true]);
        assert_eq!(shown(270), [false, false, true, true]);
        assert_eq!(shown(400), [false, true, true, true]);
        assert_eq!(shown(1_000), [true; 4]);
        assert_eq!(shown(0), [false; 4]);
    }

    #[test]
    fn the_outline_names_what_a_file_exports() {
        let files = [
            file(
                "a.ts",
                "export default async function load() {}\nexport const size = 1;\nexport type Row = {};\n",
            ),
            file("b.py", "def read():\n    pass\nclass Book:\n    pass\n"),
            file("c.css", "p {}\n"),
        ];
        let text = outline(files.iter());
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("a.ts (") && lines[0].ends_with(": load, size, Row"), "{text}");
        assert!(lines[1].ends_with(": read, Book"), "{text}");
        assert_eq!(lines[2], "c.css (5 bytes)");
    }
}
