//! Keys of nodes, made of their names.

use std::collections::BTreeSet;

/// Most characters of a key before what makes it unique.
const MAX_CHARS: usize = 48;

/// The keys that are taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    taken: BTreeSet<String>,
}

impl Keys {
    /// A key for a name that no other node has.
    pub(super) fn make(&mut self, name: &str) -> String {
        let start: String = name.chars().take(200).collect();
        let plain = deunicode::deunicode(&start).to_lowercase();
        let words = plain.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut key = words.collect::<Vec<_>>().join("_");
        if !key.starts_with(|first: char| first.is_ascii_lowercase()) {
            key = format!("node_{key}");
        }
        key.truncate(MAX_CHARS);
        let key = key.trim_end_matches('_').to_owned();
        let mut found = key.clone();
        let mut number = 1_usize;
        while self.taken.contains(&found) {
            number += 1;
            found = format!("{key}_{number}");
        }
        self.taken.insert(found.clone());
        found
    }
}
