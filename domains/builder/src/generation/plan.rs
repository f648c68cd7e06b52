//! The plan of an advanced application.

use serde::Serialize;
use serde_json::Value;

use crate::fault::one_line;

/// Most files, kinds of data and screens of a plan.
const MAX_ENTRIES: usize = 100;
/// Maximum length of a text in a plan, in characters.
const MAX_TEXT: usize = 300;
/// Files that are written in one answer; a larger plan is written in groups.
const GROUP: usize = 12;
/// Most groups.
const MAX_GROUPS: usize = 4;

/// What an application is going to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Plan {
    pub(super) files: Vec<PlannedFile>,
    pub(super) data: Vec<String>,
    pub(super) screens: Vec<String>,
}

/// A file that is going to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PlannedFile {
    pub(super) path: String,
    pub(super) purpose: String,
}

impl Plan {
    /// Reads the JSON object of an answer, in a fence or between prose. None if there is none or
    /// it names no file.
    pub(super) fn read(answer: &str) -> Option<Self> {
        let json = answer.get(answer.find('{')?..=answer.rfind('}')?)?;
        let plan: Value = serde_json::from_str(json).ok()?;
        let entries = |name: &str| plan[name].as_array().into_iter().flatten().take(MAX_ENTRIES);
        let files: Vec<PlannedFile> = entries("files").filter_map(file).collect();
        let texts = |name: &str| entries(name).map(text).filter(|text| !text.is_empty()).collect();
        let plan = Self { data: texts("data"), screens: texts("screens"), files };
        (!plan.files.is_empty()).then_some(plan)
    }

    /// The files in the groups in which they are written. One empty group stands for all files.
    pub(super) fn groups(&self) -> Vec<Vec<String>> {
        if self.files.len() <= GROUP {
            return vec![Vec::new()];
        }
        let size = GROUP.max(self.files.len().div_ceil(MAX_GROUPS));
        let paths = |files: &[PlannedFile]| files.iter().map(|file| file.path.clone()).collect();
        self.files.chunks(size).map(paths).collect()
    }
}

fn file(entry: &Value) -> Option<PlannedFile> {
    let path = entry.as_str().or_else(|| entry["path"].as_str()).or_else(|| entry["name"].as_str())?;
    let purpose = entry["purpose"].as_str().or_else(|| entry["description"].as_str()).unwrap_or_default();
    let path = one_line(path.trim(), MAX_TEXT);
    (!path.is_empty()).then(|| PlannedFile { path, purpose: one_line(purpose, MAX_TEXT) })
}

/// A text of a plan; an object is written as JSON.
fn text(entry: &Value) -> String {
    let text = entry.as_str().map_or_else(|| entry.to_string(), str::to_owned);
    one_line(text.trim(), MAX_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_in_the_forms_that_models_write() {
        let plan = Plan::read(
            "Here it is:\n```json\n{\"files\": [\"index.html\", {\"path\": \"app.js\", \"purpose\": \"the list\"}, 7],\n\
             \"data\": [{\"Book\": [\"title\"]}], \"screens\": [\"List\", \"\"], \"more\": 1}\n```\n",
        );
        let plan = plan.expect("a plan");
        let paths: Vec<_> = plan.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["index.html", "app.js"]);
        assert_eq!(plan.files[1].purpose, "the list");
        assert_eq!(
            (plan.data[0].as_str(), plan.screens.as_slice()),
            ("{\"Book\":[\"title\"]}", &["List".to_owned()][..])
        );
    }

    #[test]
    fn an_answer_without_a_plan_is_none() {
        for answer in ["", "no", "}{", "{", "{\"files\": []}", "{\"files\": \"all\"}", "{\"a\": }"] {
            assert_eq!(Plan::read(answer), None, "{answer}");
        }
    }

    #[test]
    fn a_large_plan_is_bounded_and_written_in_groups() {
        let files: Vec<String> = (0..500).map(|n| format!("\"src/{n}.js\"")).collect();
        let plan = Plan::read(&format!("{{\"files\": [{}]}}", files.join(","))).expect("a plan");
        let groups = plan.groups();
        assert_eq!((plan.files.len(), groups.len()), (MAX_ENTRIES, MAX_GROUPS));
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), MAX_ENTRIES);
        let small = Plan::read("{\"files\": [\"a.js\"]}").expect("a plan");
        assert_eq!(small.groups(), [Vec::<String>::new()]);
    }
}
