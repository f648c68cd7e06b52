//! The layer of a configuration file.

use toml::{Table, Value};

use crate::error::Source;
use crate::layers::Layers;
use crate::schema;

/// Applies the TOML `text` of the file `name` over `layers`, and adds problems to them.
pub(crate) fn apply(layers: &mut Layers, name: &str, text: &str) {
    match text.parse::<Table>() {
        Ok(table) => apply_table(layers, name, "", table),
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let message = format!("line {line} is not valid TOML: {}", error.message());
            layers.reject(name, message, Source::File(name.to_owned()));
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn apply_table(layers: &mut Layers, name: &str, section: &str, table: Table) {
    for (leaf, value) in table {
        let key = schema::join(section, &leaf);
        let source = Source::File(name.to_owned());
        match value {
            Value::Table(inner) if schema::is_section(&key) => apply_table(layers, name, &key, inner),
            value if schema::find_kind(&key).is_some() => layers.set(&key, value, source),
            _ if schema::is_section(&key) => {
                layers.reject(
                    &key,
                    format!("this is a section: write [{key}] and its settings below"),
                    source,
                );
            }
            Value::Table(_) => {
                let hint = schema::find_nearest_section(&key)
                    .map_or_else(String::new, |nearest| format!("; the nearest is [{nearest}]"));
                layers.reject(&key, format!("no such section{hint}"), source);
            }
            _ => {
                let hint = schema::find_nearest_key(&key)
                    .map_or_else(String::new, |nearest| format!("; the nearest is {nearest}"));
                layers.reject(&key, format!("no such setting{hint}"), source);
            }
        }
    }
}
