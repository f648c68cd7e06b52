//! The structure of a page: parts that a page has once, and labels that name their field.

use std::collections::HashSet;

use super::line_of;
use super::page::Page;
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// Elements that a page has at most once. A browser drops the second one with its attributes.
const ONCE: [&str; 3] = ["html", "head", "body"];

/// The faults of the structure of a page. A page with expressions of a template is not
/// checked: its parts may exclude each other.
pub(super) fn list_faults(file: &GeneratedFile, page: &Page<'_>) -> Vec<Fault> {
    if ["{{", "{%", "<%"].iter().any(|mark| file.content.contains(mark)) {
        return Vec::new();
    }
    let fault = |at: usize, message: &str| {
        Fault::in_file(&file.path, FaultCode::BadMarkup, message).at_line(line_of(&file.content, at))
    };
    let twice = ONCE.iter().filter_map(|name| {
        let second = page.tags.iter().filter(|tag| tag.name == *name).nth(1)?;
        Some(fault(second.at, &format!("the page has a second <{name}>")))
    });
    let mut ids = HashSet::new();
    let mut repeated = HashSet::new();
    for id in page.tags.iter().filter_map(|tag| tag.get("id")).filter(|id| !id.is_empty()) {
        if !ids.insert(id) {
            repeated.insert(id);
        }
    }
    let has_script = page.tags.iter().any(|tag| tag.name == "script");
    let labels = page.tags.iter().filter(|tag| tag.name == "label").filter_map(|tag| {
        let id = tag.get("for").filter(|id| !id.is_empty())?;
        if repeated.contains(id) {
            return Some(fault(tag.at, &format!("several elements have the id {id}, which a label names")));
        }
        let is_missing = !ids.contains(id) && !has_script;
        is_missing.then(|| fault(tag.at, &format!("a label names the id {id}, which no element has")))
    });
    twice.chain(labels).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::page;

    fn lines(page: &str) -> Vec<u32> {
        let file = GeneratedFile::new("index.html", page);
        list_faults(&file, &page::read(page)).iter().filter_map(|fault| fault.line).collect()
    }

    #[test]
    fn parts_that_come_twice_are_reported() {
        for (page, expected) in [
            ("<!doctype html><html>\n<head></head>\n<body>\n</body>\n</html>\n<html>", vec![6]),
            ("<body>\n<p>\n<body class=dark>", vec![3]),
            ("<label for=a>A</label>\n<input id=a>\n<input id=a>", vec![1]),
            ("<input id=a>\n<label for=b>A</label>", vec![2]),
            (
                "<!doctype html><html><head></head><body><header></header><label for=a><input id=a></body></html>",
                vec![],
            ),
            ("<label for=b>A</label><script src=a.js></script>", vec![]),
            ("<div id=a></div><div id=a></div><svg><body-part/></svg>", vec![]),
            ("{% if a %}<body>{% else %}<body class=x>{% endif %}", vec![]),
        ] {
            assert_eq!(lines(page), expected, "{page}");
        }
    }
}
