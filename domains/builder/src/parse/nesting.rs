//! Follows what a file has open line by line, so that a fence inside of it does not end it.

/// Elements of pages that may hold a fence as text.
const ELEMENTS: [&str; 6] = ["pre", "script", "style", "template", "textarea", "code"];

/// Maximum length of a line whose elements and strings are followed, in bytes. Longer ones are data or minified.
const MAX_LINE: usize = 2_000;

/// How the content of a file nests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Page,
    Python,
    Script,
    Other,
}

/// What is open at a line of a file. It reads each line once.
#[derive(Debug)]
pub(super) struct Nesting {
    kind: Kind,
    /// The open element, string or comment: the text that ends it.
    end: Option<String>,
    /// Whether the page's root element is open.
    in_page: bool,
    /// Whether a block of search and replace is open.
    in_edit: bool,
}

impl Nesting {
    /// Nothing is open at the start of a file in this language.
    pub(super) fn new(language: Option<&str>) -> Self {
        let kind = match language {
            Some("html" | "vue" | "svelte" | "astro" | "template" | "xml" | "svg") => Kind::Page,
            Some("python") => Kind::Python,
            Some("javascript" | "jsx" | "typescript" | "tsx" | "css" | "scss" | "less") => Kind::Script,
            _ => Kind::Other,
        };
        Self { kind, end: None, in_page: false, in_edit: false }
    }

    /// Whether the lines so far cannot be a whole file.
    pub(super) fn is_open(&self) -> bool {
        self.end.is_some() || self.in_page || self.in_edit
    }

    /// Reads the next line.
    pub(super) fn push(&mut self, line: &str) {
        if super::edit::is_start(line) {
            self.in_edit = true;
        } else if super::edit::is_end(line) {
            self.in_edit = false;
        }
        match self.kind {
            Kind::Page => self.push_page(&line.to_ascii_lowercase()),
            Kind::Python => self.push_python(line),
            Kind::Script => self.push_script(line.trim()),
            Kind::Other => {}
        }
    }

    fn push_page(&mut self, line: &str) {
        if line.contains("</html") {
            self.in_page = false;
            self.end = None;
            return;
        }
        self.in_page = self.in_page || line.contains("<html");
        if line.len() > MAX_LINE {
            return;
        }
        let mut rest = line;
        loop {
            if let Some(end) = &self.end {
                let Some(at) = rest.find(end.as_str()) else { return };
                rest = &rest[at + end.len()..];
                self.end = None;
            }
            let opened = ELEMENTS.iter().filter_map(|name| open_element(rest, name)).min();
            let Some((at, length)) = opened else { return };
            self.end = Some(format!("</{}", &rest[at + 1..at + length]));
            rest = &rest[at + length..];
        }
    }

    fn push_python(&mut self, line: &str) {
        if line.len() > MAX_LINE {
            return;
        }
        let mut rest = line;
        loop {
            let found = match &self.end {
                Some(end) => rest.find(end.as_str()).map(|at| (at, end.clone())),
                None => ["\"\"\"", "'''"]
                    .iter()
                    .filter_map(|mark| Some((rest.find(*mark)?, (*mark).to_owned())))
                    .min(),
            };
            let Some((at, mark)) = found else { return };
            rest = &rest[at + mark.len()..];
            self.end = if self.end.is_some() { None } else { Some(mark) };
        }
    }

    /// Only a comment that begins its line counts: `/*` is also part of strings.
    fn push_script(&mut self, line: &str) {
        let body = if self.end.is_some() {
            line
        } else if let Some(body) = line.strip_prefix("/*") {
            self.end = Some("*/".to_owned());
            body
        } else {
            return;
        };
        if body.contains("*/") {
            self.end = None;
        }
    }
}

/// Where an element opens in the line, and the length of its `<` and name.
fn open_element(line: &str, name: &str) -> Option<(usize, usize)> {
    line.match_indices(name).find_map(|(at, _)| {
        let opens = line[..at].ends_with('<');
        let ends = line[at + name.len()..].chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '-');
        (opens && ends).then(|| (at - 1, name.len() + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(language: &str, lines: &[&str]) -> bool {
        let mut nesting = Nesting::new(Some(language));
        lines.iter().for_each(|line| nesting.push(line));
        nesting.is_open()
    }

    #[test]
    fn knows_what_a_file_has_open() {
        let table: [(&str, &[&str], bool); 18] = [
            ("html", &["<p>"], false),
            ("html", &["<html>", "<p>"], true),
            ("html", &["<html>", "<pre>", "</html>"], false),
            ("html", &["<pre class=x>"], true),
            ("html", &["<pre>a</pre><PRE>"], true),
            ("html", &["<pre><code>a</code></pre>"], false),
            ("html", &["<prefix>"], false),
            ("vue", &["<template>", "<p>"], true),
            ("vue", &["<template>", "</template>"], false),
            ("python", &["def f():", "  \"\"\"Says:"], true),
            ("python", &["\"\"\"a\"\"\"", "x = '''b"], true),
            ("python", &["\"\"\"a", "'''", "\"\"\""], false),
            ("javascript", &["/* a"], true),
            ("javascript", &["/* a */"], false),
            ("javascript", &["glob('src/*.js')"], false),
            ("text", &["<pre>"], false),
            ("text", &["<<<<<<< SEARCH", "a"], true),
            ("text", &["<<<<<<< SEARCH", "a", "=======", "b", ">>>>>>> REPLACE"], false),
        ];
        for (language, lines, open) in table {
            assert_eq!(is_open(language, lines), open, "{lines:?}");
        }
    }
}
