//! Renders templates to files.

use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::brief::AppBrief;
use crate::text::fingerprint;

/// A file of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative path with `/`.
    pub(crate) path: String,
    /// The text.
    pub(crate) content: String,
}

impl File {
    /// A file.
    pub(crate) fn new(path: &str, content: impl Into<String>) -> Self {
        Self { path: path.to_owned(), content: content.into() }
    }
}

/// The colours of an application.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Palette {
    pub(crate) accent: &'static str,
    strong: &'static str,
    soft: &'static str,
    dark_accent: &'static str,
    dark_strong: &'static str,
    dark_soft: &'static str,
}

const fn palette(light: [&'static str; 3], dark: [&'static str; 3]) -> Palette {
    Palette {
        accent: light[0],
        strong: light[1],
        soft: light[2],
        dark_accent: dark[0],
        dark_strong: dark[1],
        dark_soft: dark[2],
    }
}

/// The contrast of each accent with the text on it is at least 4.5.
const PALETTES: [Palette; 6] = [
    palette(["#4056c8", "#2f43a8", "#e5e9ff"], ["#9daaff", "#bcc5ff", "#262c4d"]),
    palette(["#0f766e", "#0b5a54", "#d7f3ef"], ["#5fd0c4", "#8be3da", "#173b38"]),
    palette(["#b0432b", "#8e331f", "#fde6df"], ["#ffa48c", "#ffc0af", "#47241b"]),
    palette(["#7a3fb0", "#612f8f", "#f0e4fb"], ["#cfa2f5", "#dfc1fa", "#38234d"]),
    palette(["#2c6b3f", "#20532f", "#dff2e3"], ["#86cf9b", "#abdfba", "#1d3a26"]),
    palette(["#a8326e", "#872556", "#fce2ee"], ["#f79cc6", "#fabddb", "#47203a"]),
];

/// The palette of an application, which depends only on the brief.
pub(crate) fn palette_of(brief: &AppBrief) -> Palette {
    let hash = fingerprint(&[&brief.main_entity().key, &brief.slug]);
    let number = usize::from_str_radix(&hash[..6], 16).unwrap_or_default();
    PALETTES[number % PALETTES.len()]
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name.rsplit('.').next() {
        Some("html" | "svg") => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    environment
});

/// Renders a template. The extension of `name` selects the escaping of values: HTML for
/// `.html` and `.svg`, otherwise none.
pub(crate) fn render(name: &str, template: &str, values: impl Serialize) -> Result<String, minijinja::Error> {
    let mut text = ENVIRONMENT.render_named_str(name, template, Serde(values))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// JSON that is safe inside a script element.
pub(crate) fn script_json(value: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(value).expect("plain data always becomes JSON");
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Pretty JSON with a line break at its end. No word of the description can be read as a tag.
pub(crate) fn json_file(path: &str, value: &impl Serialize) -> File {
    File::new(path, script_json(value) + "\n")
}

/// Text with Markdown characters escaped.
pub(crate) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => escaped.extend(['\\', c]),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn values_are_escaped_as_their_place_asks() {
        let values = BTreeMap::from([("x", "</script>\"'")]);
        let html = render("a.html", "{{ x }}", &values).expect("a good template");
        assert!(!html.contains('<') && !html.contains('"') && !html.contains('\''));
        assert_eq!(script_json(&"</script>\u{2028}"), "\"\\u003c/script>\\u2028\"");
        assert_eq!(markdown("<b> *x* `y`"), "&lt;b> \\*x\\* \\`y\\`");
    }
}
