//! The list of further model servers: a repeatable section.

use toml::Value;

use crate::settings::FallbackSettings;
use crate::values::{self, Check};

/// The name of the setting.
pub(crate) const KEY: &str = "llm.fallbacks";

/// The fields of a section: name, whether it is required, check.
const FIELDS: [(&str, bool, Check); 5] = [
    ("name", true, values::provider_name),
    ("base_url", true, values::web_url),
    ("api_key", false, |_| Ok(())),
    ("quick_model", false, |_| Ok(())),
    ("advanced_model", false, |_| Ok(())),
];

/// The problems of the sections. They contain no secrets.
pub(crate) fn check(sections: &Value) -> Vec<String> {
    let sections = sections.as_array().into_iter().flatten();
    let describe = |(index, section): (usize, &Value)| {
        let number = index + 1;
        check_section(section).into_iter().map(move |message| format!("number {number}: {message}"))
    };
    sections.enumerate().flat_map(describe).collect()
}

fn check_section(section: &Value) -> Vec<String> {
    let Some(section) = section.as_table() else { return Vec::new() };
    let of_field = |(name, required, check): &(&str, bool, Check)| match section.get(*name) {
        None => required.then(|| format!("{name} is missing")),
        Some(Value::String(text)) => check(text).err().map(|message| format!("{name} {message}")),
        Some(_) => Some(format!("{name}: expected a text in quotes")),
    };
    let names = FIELDS.map(|(name, ..)| name);
    let unknown = section.keys().filter(|key| !names.contains(&key.as_str()));
    let unknown = unknown.map(|key| format!("no such setting {key}: there are {}", names.join(", ")));
    FIELDS.iter().filter_map(of_field).chain(unknown).collect()
}

/// The problem where two servers have the same name: they would share a circuit.
pub(crate) fn find_repeated<'a>(servers: impl Iterator<Item = &'a FallbackSettings>) -> Option<String> {
    let mut names: Vec<&str> = servers.map(|server| server.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(format!("two fallbacks are called {}: choose another name for one", twice[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let table: toml::Table = text.parse().expect("TOML");
        check(&table["servers"])
    }

    #[test]
    fn names_the_server_of_each_problem() {
        let text = "[[servers]]\nname = 'spare'\nbase_url = 'https://spare.example/v1'\n\
                    [[servers]]\nname = 'Big One'\napi_key = 7\ncolour = 'red'";
        assert_eq!(
            problems(text),
            [
                "number 2: name expected 1 to 32 lower case letters, digits or -_. found \"Big One\"",
                "number 2: base_url is missing",
                "number 2: api_key: expected a text in quotes",
                "number 2: no such setting colour: there are name, base_url, api_key, quick_model, advanced_model",
            ]
        );
        let secret = problems("servers = [{ name = 'a', base_url = 'mail://hunter2', api_key = 'hunter2' }]");
        assert!(secret.len() == 1 && !secret[0].contains("hunter2"), "{secret:?}");
    }

    #[test]
    fn no_server_is_no_problem() {
        assert_eq!(problems("servers = []"), Vec::<String>::new());
    }
}
