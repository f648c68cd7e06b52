//! Completions that are one JSON object: `{"files": [{"path", "content"}]}`, `{"files":
//! {path: content}}` or `{path: content}`.

use serde_json::{Map, Value};

use super::naming::is_path_like;

/// The files and the summary of a JSON completion.
pub(super) struct JsonCompletion {
    pub(super) summary: String,
    /// Path and content, in their order.
    pub(super) files: Vec<(String, String)>,
}

/// Parses the text, which may have prose around the object. None if it is not such a
/// completion.
pub(super) fn read(text: &str) -> Option<JsonCompletion> {
    let whole = text.trim();
    let object = whole.find('{').zip(whole.rfind('}')).filter(|(from, to)| from < to);
    let value = serde_json::from_str(whole)
        .ok()
        .or_else(|| object.and_then(|(from, to)| serde_json::from_str(&whole[from..=to]).ok()))?;
    let Value::Object(object) = value else { return None };
    let files = match object.get("files") {
        Some(Value::Array(entries)) => entries.iter().map(read_entry).collect::<Option<Vec<_>>>()?,
        Some(Value::Object(map)) => read_map(map)?,
        Some(_) => return None,
        None => read_map(&object)?,
    };
    let summary = ["summary", "description", "explanation"]
        .iter()
        .find_map(|key| object.get(*key).and_then(Value::as_str))
        .unwrap_or_default()
        .to_owned();
    (!files.is_empty()).then_some(JsonCompletion { summary, files })
}

fn read_entry(entry: &Value) -> Option<(String, String)> {
    let text = |keys: &[&str]| keys.iter().find_map(|key| entry.get(*key)?.as_str().map(ToOwned::to_owned));
    Some((text(&["path", "file", "filename", "name"])?, text(&["content", "contents", "code", "text"])?))
}

fn read_map(map: &Map<String, Value>) -> Option<Vec<(String, String)>> {
    map.iter()
        .map(|(path, content)| {
            let content = content.as_str().or_else(|| content.get("content")?.as_str())?;
            is_path_like(path).then(|| (path.clone(), content.to_owned()))
        })
        .collect()
}
