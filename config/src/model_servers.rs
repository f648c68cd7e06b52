//! The lists of model servers: repeatable sections.

use toml::Value;

use crate::settings::{LlmSettings, ProviderSettings};
use crate::values;

/// The name of the setting of the fallbacks.
pub(crate) const KEY: &str = "llm.fallbacks";
/// The name of the setting of the model servers.
pub(crate) const PROVIDERS_KEY: &str = "llm.providers";

/// What a field of a section holds.
#[derive(Clone, Copy)]
enum Field {
    Text(values::Check),
    /// A whole number above zero.
    Whole,
    /// The prices of a model.
    Price,
}

/// A field of a section: name, whether it is required, what it holds.
type Described = (&'static str, bool, Field);

const FALLBACK: &[Described] = &[
    ("name", true, Field::Text(values::provider_name)),
    ("base_url", true, Field::Text(values::web_url)),
    ("api_key", false, Field::Text(|_| Ok(()))),
    ("quick_model", false, Field::Text(|_| Ok(()))),
    ("advanced_model", false, Field::Text(|_| Ok(()))),
];

const PROVIDER: &[Described] = &[
    ("name", true, Field::Text(values::server_name)),
    ("protocol", true, Field::Text(|text| values::one_of(text, &["openai", "claude", "gemini"]))),
    ("base_url", false, Field::Text(values::web_url_or_empty)),
    ("api_key", false, Field::Text(|_| Ok(()))),
    ("quick_model", false, Field::Text(|_| Ok(()))),
    ("advanced_model", false, Field::Text(|_| Ok(()))),
    ("context_tokens", false, Field::Whole),
    ("requests_per_minute", false, Field::Whole),
    ("tokens_per_minute", false, Field::Whole),
    ("quick_price", false, Field::Price),
    ("advanced_price", false, Field::Price),
];

/// The prices of a model: name, whether it is required.
const PRICES: [(&str, bool); 3] = [("input", true), ("cached_input", false), ("output", true)];

/// The problems of the sections of the setting `key`. They contain no secrets.
pub(crate) fn check(key: &str, sections: &Value) -> Vec<String> {
    let fields = if key == KEY { FALLBACK } else { PROVIDER };
    let sections = sections.as_array().into_iter().flatten();
    let describe = |(index, section): (usize, &Value)| {
        let number = index + 1;
        check_section(fields, section).into_iter().map(move |message| format!("number {number}: {message}"))
    };
    sections.enumerate().flat_map(describe).collect()
}

fn check_section(fields: &[Described], section: &Value) -> Vec<String> {
    let Some(section) = section.as_table() else { return Vec::new() };
    let of_field = |(name, required, field): &Described| match (section.get(*name), field) {
        (None, _) => required.then(|| format!("{name} is missing")),
        (Some(Value::String(text)), Field::Text(check)) => {
            check(text).err().map(|message| format!("{name} {message}"))
        }
        (Some(_), Field::Text(_)) => Some(format!("{name}: expected a text in quotes")),
        (Some(value), Field::Whole) => {
            let fits = value.as_integer().is_some_and(|number| (1..=i64::from(u32::MAX)).contains(&number));
            (!fits).then(|| format!("{name}: expected a whole number above zero"))
        }
        (Some(value), Field::Price) => check_price(value).map(|message| format!("{name}: {message}")),
    };
    let names: Vec<&str> = fields.iter().map(|(name, ..)| *name).collect();
    let unknown = section.keys().filter(|key| !names.contains(&key.as_str()));
    let unknown = unknown.map(|key| format!("no such setting {key}: there are {}", names.join(", ")));
    fields.iter().filter_map(of_field).chain(unknown).collect()
}

fn check_price(value: &Value) -> Option<String> {
    let expected = || "expected { input = 0.25, cached_input = 0.03, output = 2.0 }".to_owned();
    let Some(prices) = value.as_table() else { return Some(expected()) };
    let number = |value: &Value| match value {
        Value::Integer(number) => *number >= 0,
        Value::Float(number) => (0.0..1e6).contains(number),
        _ => false,
    };
    let is_known = prices.keys().all(|key| PRICES.iter().any(|(name, _)| name == key));
    let fits = |(name, required): (&str, bool)| prices.get(name).map_or(!required, number);
    (!is_known || !PRICES.into_iter().all(fits)).then(expected)
}

/// The problem of names: two servers that share one would share a circuit, and the lists of
/// names may name known servers only.
pub(crate) fn find_wrong_name(llm: &LlmSettings) -> Option<(&'static str, String)> {
    let servers = llm.model_servers();
    let is_known = |name: &String| servers.iter().any(|server: &ProviderSettings| server.name == *name);
    for (key, list) in [("llm.quick", &llm.quick), ("llm.advanced", &llm.advanced)] {
        if let Some(name) = list.iter().find(|name| !servers.is_empty() && !is_known(name)) {
            return Some((key, format!("there is no model server {name:?}")));
        }
    }
    let mut names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1])?;
    let is_fallback = llm.fallback_servers().any(|server| server.name == twice[0]);
    let (key, what) = if is_fallback { (KEY, "fallbacks") } else { (PROVIDERS_KEY, "model servers") };
    Some((key, format!("two {what} are called {}: choose another name for one", twice[0])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let table: toml::Table = text.parse().expect("TOML");
        check(KEY, &table["servers"])
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

    #[test]
    fn a_model_server_has_a_protocol_limits_and_prices() {
        let of = |text: &str| {
            let table: toml::Table = format!("a = [{{ name = 'openai', {text} }}]").parse().expect("TOML");
            check(PROVIDERS_KEY, &table["a"])
        };
        let whole = "protocol = 'claude', context_tokens = 200000, quick_price = { input = 1, output = 5.0 }";
        assert_eq!(of(whole), Vec::<String>::new());
        assert_eq!(of("api_key = 'k'"), ["number 1: protocol is missing"]);
        for wrong in [
            "protocol = 'grok'",
            "protocol = 'gemini', requests_per_minute = 0",
            "protocol = 'gemini', quick_price = 7",
            "protocol = 'gemini', quick_price = { input = 1 }",
            "protocol = 'gemini', quick_price = { input = -1, output = 2 }",
        ] {
            assert_eq!(of(wrong).len(), 1, "{wrong}");
        }
    }
}
