//! Finds the file name of a block: in the fence's info string, on the line before, or in a
//! comment on the first line.

use crate::file::language;

/// Keys of an info string or tag whose value is always a path.
const PATH_KEYS: [&str; 7] = ["path", "file", "filename", "filepath", "file-path", "file_path", "file_name"];
/// Keys whose value is a path if it looks like one.
const TITLE_KEYS: [&str; 3] = ["title", "name", "label"];
/// Words that may be beside a file name on a line that only names the file.
const LABEL_WORDS: [&str; 40] = [
    "file",
    "filename",
    "path",
    "name",
    "fichier",
    "nom",
    "chemin",
    "new",
    "updated",
    "nouveau",
    "create",
    "begin",
    "end",
    "datei",
    "dateiname",
    "pfad",
    "neue",
    "archivo",
    "nombre",
    "ruta",
    "nuevo",
    "fichero",
    "arquivo",
    "nome",
    "caminho",
    "novo",
    "percorso",
    "bestand",
    "plik",
    "dosya",
    "файл",
    "путь",
    "文件",
    "文件名",
    "文件路径",
    "路径",
    "ファイル",
    "ファイル名",
    "파일",
    "ملف",
];
/// Maximum number of words of a path with spaces.
const MAX_PATH_WORDS: usize = 8;
/// Product names that look like file names.
const BRANDS: [&str; 14] = [
    "node.js",
    "vue.js",
    "next.js",
    "nuxt.js",
    "react.js",
    "express.js",
    "three.js",
    "d3.js",
    "chart.js",
    "alpine.js",
    "angular.js",
    "ember.js",
    "deno.js",
    "socket.io",
];

/// The content of a fence's info string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    /// The language of the tag; none if it is missing or unknown.
    pub(super) language: Option<&'static str>,
    /// The path, if the info string has one.
    pub(super) path: Option<String>,
    /// What the block is.
    pub(super) action: Action,
}

/// What a block is, by its opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Action {
    /// A whole file, or an example.
    #[default]
    Whole,
    /// Blocks of search and replace.
    Edit,
    /// A patch.
    Patch,
    /// The file is deleted.
    Delete,
    /// The file gets this path.
    Rename(String),
}

/// Parses the info string of a fence.
pub(super) fn read_info(info: &str) -> Info {
    let info = info.trim().trim_matches(['{', '}']).trim();
    let first = info.split_whitespace().next().unwrap_or_default();
    let tag = first.split([':', '=', ',', '{', '(']).next().unwrap_or_default();
    let tag_language = language::find_by_tag(tag.trim_start_matches('.'));
    let path = attribute_path(info).or_else(|| token_path(info, first));
    let language = tag_language.or_else(|| path.as_deref().and_then(language::find_by_path));
    let action = read_action(first, info, path.is_some());
    Info { language, path, action }
}

/// The action that the first word of an info string names.
fn read_action(first: &str, info: &str, has_path: bool) -> Action {
    match first.to_ascii_lowercase().as_str() {
        "search/replace" | "search-replace" | "search_replace" => Action::Edit,
        "delete" | "remove" if has_path => Action::Delete,
        "rename" | "move" if has_path => {
            find_attribute(info, &["to"]).map_or(Action::Whole, |to| Action::Rename(to.to_owned()))
        }
        _ => Action::Whole,
    }
}

/// The path of a key such as `path="…"` in an info string or a tag.
pub(super) fn attribute_path(text: &str) -> Option<String> {
    let path = find_attribute(text, &PATH_KEYS);
    path.or_else(|| find_attribute(text, &TITLE_KEYS).filter(|value| is_path_like(value)))
        .map(ToOwned::to_owned)
}

/// The value, not empty, of the first attribute with one of these keys.
fn find_attribute<'a>(text: &'a str, keys: &[&str]) -> Option<&'a str> {
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let key = rest[..at].trim_end();
        let start = key
            .char_indices()
            .rev()
            .take_while(|(_, c)| c.is_alphanumeric() || matches!(c, '_' | '-'))
            .last()
            .map_or(key.len(), |(start, _)| start);
        let key = key[start..].to_lowercase();
        rest = &rest[at + 1..];
        if keys.contains(&key.as_str()) {
            let value = attribute_value(rest);
            if !value.is_empty() {
                return Some(value);
            }
        }
    }
    None
}

fn attribute_value(text: &str) -> &str {
    let text = text.trim_start().trim_start_matches('{');
    match text.chars().next() {
        Some(quote @ ('"' | '\'' | '`')) => text[1..].split(quote).next().unwrap_or_default().trim(),
        _ => unquoted_value(text),
    }
}

/// The first word, or a path with spaces where only its last word has a known ending.
fn unquoted_value(text: &str) -> &str {
    let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | '}' | '>');
    let first = text.split(is_end).next().unwrap_or_default();
    if language::find_by_path(first).is_some() {
        return first;
    }
    let mut end = 0;
    for word in text.split_inclusive(' ').take(MAX_PATH_WORDS) {
        if word.contains(['=', ',', '}', '>', '"', '\n']) {
            break;
        }
        end += word.len();
        let path = text[..end].trim_end();
        if language::find_by_path(path).is_some() {
            return path;
        }
    }
    first
}

/// A path as a token of its own: `html:index.html`, `html index.html`, `html // index.html`, `index.html`.
fn token_path(info: &str, first: &str) -> Option<String> {
    if is_path_like(first) {
        return Some(first.to_owned());
    }
    if let Some((_, path)) = first.split_once(':').filter(|(_, path)| is_path_like(path)) {
        return Some(path.to_owned());
    }
    let mut others = info.split_whitespace().skip(1).map(bare_word).filter(|word| is_path_like(word));
    let path = others.next()?;
    others.next().is_none().then(|| path.to_owned())
}

/// The path on a line before a fence, if the line names a file. `tagged` says that the
/// fence has a language; then a sentence such as "Then add `app.py`:" counts too.
pub(super) fn label_path(line: &str, tagged: bool) -> Option<String> {
    if line.len() > 300 {
        return None;
    }
    let line = line.replace('：', ": ");
    let line = line.trim();
    let raw: Vec<&str> = line.split_whitespace().collect();
    let words: Vec<&str> = raw.iter().copied().map(bare_word).collect();
    let is_path = |word: &&str| is_path_like(word) && !is_brand(word);
    let path = single(words.iter().copied().filter(is_path))?;
    let alone = words.iter().all(|word| *word == path || is_label_word(word));
    let at = words.iter().position(|word| *word == path)?;
    let leads = words[..at].iter().all(|word| is_label_word(word));
    let marked = raw[at].starts_with(['`', '*'])
        || raw.get(at + 1).is_some_and(|next| next.starts_with(['(', '-', '–', '—']));
    let accepted = alone || line.starts_with('#') || (leads && marked) || (tagged && line.ends_with(':'));
    accepted.then(|| path.to_owned())
}

/// Whether the line is only a file name, or a heading with one.
pub(super) fn is_strong_label(line: &str) -> bool {
    if line.len() > 300 {
        return false;
    }
    let line = line.replace('：', ": ");
    let line = line.trim();
    let alone = line.split_whitespace().map(bare_word).all(|word| is_path_like(word) || is_label_word(word));
    (alone || line.starts_with('#')) && label_path(line, false).is_some()
}

/// The path in a comment, if the comment has nothing else: `// src/app.js`, `<!--
/// index.html -->`.
pub(super) fn comment_path(line: &str) -> Option<String> {
    const OPENINGS: [&str; 10] = ["<!--", "{/*", "/**", "/*", "//", "\"\"\"", "--", ";;", "#", ";"];
    let line = line.trim();
    if line.len() > 300 {
        return None;
    }
    let inner = OPENINGS.iter().find_map(|opening| line.strip_prefix(opening))?;
    let inner =
        ["-->", "*/}", "*/", "\"\"\""].iter().find_map(|end| inner.strip_suffix(end)).unwrap_or(inner);
    let words: Vec<&str> = inner.split_whitespace().map(bare_word).collect();
    let path = single(words.iter().copied().filter(|word| is_path_like(word) && !is_brand(word)))?;
    words.iter().all(|word| *word == path || is_label_word(word)).then(|| path.to_owned())
}

/// Whether the text looks like a file's path: no spaces, and a known extension or name.
pub(super) fn is_path_like(text: &str) -> bool {
    if text.is_empty() || text.len() > 300 || text.contains("://") || text.ends_with(['/', '\\']) {
        return false;
    }
    if text.contains(|c: char| c.is_whitespace() || "<>\"'`|*?=;:,{}".contains(c)) {
        return false;
    }
    if language::find_by_path(text).is_some() {
        return true;
    }
    let nested = text.contains(['/', '\\']) && !text.starts_with('@');
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
    nested
        && name.rsplit_once('.').is_some_and(|(_, ending)| {
            (1..=10).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric())
        })
}

fn single<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = words.next()?;
    words.all(|word| word == first).then_some(first)
}

/// The word without Markdown's marks and the sentence's punctuation around it.
fn bare_word(word: &str) -> &str {
    let marks = ['*', '`', '#', ':', ',', ';', '"', '\'', '“', '”', '–', '—', '=', '「', '」'];
    let mut bare = word.trim_matches(marks).trim_end_matches('.');
    bare = bare.trim_start_matches('-').trim_matches(marks);
    if let Some(inner) = bare.strip_prefix('(') {
        bare = inner.strip_suffix(')').unwrap_or(bare).trim_matches(marks);
    }
    if let Some((shown, _)) = bare.strip_prefix('[').and_then(|link| link.split_once("](")) {
        bare = shown.trim_matches(marks);
    } else if let Some(inner) = bare.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        bare = inner.trim_matches(marks);
    }
    if let Some((label, rest)) = bare.split_once(':')
        && LABEL_WORDS.contains(&label.to_lowercase().as_str())
    {
        bare = rest.trim_matches(marks);
    }
    bare
}

fn is_label_word(word: &str) -> bool {
    let lower = word.to_lowercase();
    let digits = lower.trim_end_matches([')', '.']);
    LABEL_WORDS.contains(&lower.as_str()) || digits.chars().all(|c| c.is_ascii_digit()) || lower == "//"
}

fn is_brand(word: &str) -> bool {
    word.starts_with(|c: char| c.is_uppercase()) && BRANDS.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests;
