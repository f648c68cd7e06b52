//! Completions that are JSON: objects and arrays of files at any depth, maps from paths to contents, and the tool
//! calls that some models write as text.

use serde_json::{Map, Value};

use super::naming::is_path_like;

/// Maximum depth at which files are found.
const MAX_DEPTH: usize = 8;
/// Keys whose value is a path.
const PATH_KEYS: [&str; 7] = ["path", "file", "filename", "file_path", "filePath", "fileName", "file_name"];
/// Keys whose value is a path if it looks like one.
const NAME_KEYS: [&str; 2] = ["name", "title"];
/// Keys whose value is a file's content.
const CONTENT_KEYS: [&str; 7] = ["content", "contents", "code", "text", "source", "file_text", "body"];
/// Keys of the text that a change finds, and of the one that takes its place.
const SEARCH_KEYS: [&str; 4] = ["old_str", "old_string", "search", "old_text"];
const REPLACE_KEYS: [&str; 4] = ["new_str", "new_string", "replace", "new_text"];
/// Keys of the arguments of a tool call, which may be JSON in a text.
const ARGUMENT_KEYS: [&str; 3] = ["arguments", "input", "parameters"];
/// Keys of what is shown to a person.
const SUMMARY_KEYS: [&str; 4] = ["summary", "description", "explanation", "message"];

/// A change in JSON.
pub(super) struct JsonChange {
    pub(super) path: String,
    pub(super) search: String,
    pub(super) replace: String,
}

/// The files and the summary of a JSON completion.
#[derive(Default)]
pub(super) struct JsonCompletion {
    pub(super) summary: String,
    /// Path and content, in their order.
    pub(super) files: Vec<(String, String)>,
    pub(super) changes: Vec<JsonChange>,
}

/// Parses the text, which may have prose around the JSON. None if it holds no file and no change.
pub(super) fn read(text: &str) -> Option<JsonCompletion> {
    let mut found = JsonCompletion::default();
    for value in values(text) {
        if found.summary.is_empty()
            && let Value::Object(object) = &value
        {
            found.summary = text_of(object, &SUMMARY_KEYS).unwrap_or_default().to_owned();
        }
        found.collect(&value, 0);
    }
    (!found.files.is_empty() || !found.changes.is_empty()).then_some(found)
}

/// The JSON values of a text: it is one, has one between prose, or has several of them in tags or lines.
fn values(text: &str) -> Vec<Value> {
    let whole = text.trim();
    if let Ok(value) = serde_json::from_str(whole) {
        return vec![value];
    }
    let mut values = Vec::new();
    for call in whole.split("<tool_call>") {
        let call = call.split("</tool_call>").next().unwrap_or_default();
        let Some(from) = call.find(['{', '[']) else { continue };
        let stream = serde_json::Deserializer::from_str(&call[from..]).into_iter::<Value>();
        values.extend(stream.map_while(Result::ok));
    }
    if values.is_empty()
        && let Some((from, to)) = whole.find('{').zip(whole.rfind('}')).filter(|(from, to)| from < to)
        && let Ok(value) = serde_json::from_str(&whole[from..=to])
    {
        values.push(value);
    }
    values
}

impl JsonCompletion {
    fn collect(&mut self, value: &Value, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.collect(value, depth + 1)),
            Value::Object(object) => self.collect_object(object, depth),
            _ => {}
        }
    }

    fn collect_object(&mut self, object: &Map<String, Value>, depth: usize) {
        if let Some(path) = path_of(object) {
            if let Some(content) = text_of(object, &CONTENT_KEYS) {
                self.files.push((path.to_owned(), content.to_owned()));
                return;
            }
            let change = text_of(object, &SEARCH_KEYS).zip(text_of(object, &REPLACE_KEYS));
            if let Some((search, replace)) = change {
                let [path, search, replace] = [path, search, replace].map(ToOwned::to_owned);
                self.changes.push(JsonChange { path, search, replace });
                return;
            }
        }
        for (key, value) in object {
            let content = value.as_str().or_else(|| text_of(value.as_object()?, &CONTENT_KEYS));
            match (content, value) {
                (Some(content), _) if is_path_like(key) => self.files.push((key.clone(), content.to_owned())),
                (_, Value::String(arguments)) if ARGUMENT_KEYS.contains(&key.as_str()) => {
                    if let Ok(value) = serde_json::from_str(arguments) {
                        self.collect(&value, depth + 1);
                    }
                }
                _ => self.collect(value, depth + 1),
            }
        }
    }
}

fn path_of(object: &Map<String, Value>) -> Option<&str> {
    let named = || text_of(object, &NAME_KEYS).filter(|name| is_path_like(name));
    text_of(object, &PATH_KEYS).or_else(named)
}

fn text_of<'a>(object: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| object.get(*key)?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_files_at_any_depth_and_beside_other_keys() {
        for text in [
            r#"{"path": "a.js", "content": "1"}"#,
            r#"[{"path": "a.js", "content": "1", "language": "js"}]"#,
            r#"{"files": [{"file_path": "a.js", "code": "1", "size": 3}], "notes": ["x"]}"#,
            r#"{"project": {"name": "Books", "files": {"a.js": "1"}}}"#,
            r#"{"a.js": {"content": "1"}, "summary": "Books"}"#,
            r#"{"tool_calls": [{"function": {"name": "write_file", "arguments": "{\"path\": \"a.js\", \"content\": \"1\"}"}}]}"#,
            r#"<tool_call>{"name": "write_file", "arguments": {"path": "a.js", "content": "1"}}</tool_call>"#,
            r#"I write it. {"type": "tool_use", "input": {"path": "a.js", "file_text": "1"}}"#,
        ] {
            let found = read(text).map(|found| found.files);
            assert_eq!(found, Some(vec![("a.js".to_owned(), "1".to_owned())]), "{text}");
        }
    }

    #[test]
    fn finds_several_calls() {
        let call = |path: &str| {
            format!(
                "<tool_call>\n{{\"arguments\": {{\"path\": \"{path}\", \"content\": \"1\"}}}}\n</tool_call>\n"
            )
        };
        let found = read(&(call("a.js") + &call("b.js"))).expect("files");
        assert_eq!(found.files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["a.js", "b.js"]);
    }

    #[test]
    fn finds_changes() {
        let found = read(r#"{"path": "a.js", "old_str": "1", "new_str": "2"}"#).expect("a change");
        let change = &found.changes[0];
        assert_eq!(
            (change.path.as_str(), change.search.as_str(), change.replace.as_str()),
            ("a.js", "1", "2")
        );
    }

    #[test]
    fn finds_nothing_in_other_json_or_in_cut_json() {
        for text in [
            r#"{"name": "x", "version": "1", "main": "a.js"}"#,
            r#"{"files": [{"path": "a.js", "content": "1"#,
            "[1, 2]",
            "no JSON",
            "{",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&deep).is_none());
    }
}
