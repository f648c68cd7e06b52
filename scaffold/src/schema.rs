//! The records that a generated application keeps: entities and their fields.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::language::Language;
use crate::nouns::plural;
use crate::text::{capitalize, clean_line, fingerprint, slug};

/// A type of record that the application keeps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Entity {
    /// Name in code: lower case, digits and underscores.
    pub(crate) key: String,
    /// Singular name, such as `Book`.
    pub(crate) name: String,
    /// Plural name, such as `Books`.
    pub(crate) plural: String,
    /// Last segment of its path, such as `books`.
    pub(crate) path: String,
    /// At least one; the first is its title.
    pub(crate) fields: Vec<Field>,
    /// Sample records.
    pub(crate) samples: Vec<Map<String, Value>>,
}

/// A value that an entity has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Field {
    /// Name in code: lower case, digits and underscores.
    pub(crate) name: String,
    /// Name on the screen.
    pub(crate) label: String,
    /// The type of its value.
    #[serde(flatten)]
    pub(crate) kind: FieldKind,
}

/// What a field may hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "of", rename_all = "snake_case")]
pub(crate) enum FieldKind {
    /// One line.
    Text,
    /// Many lines.
    LongText,
    /// A number.
    Number,
    /// One to five stars.
    Rating,
    /// A day.
    Date,
    /// Yes or no.
    Boolean,
    /// An email address.
    Email,
    /// A telephone number.
    Phone,
    /// A web address.
    Url,
    /// An amount in the application's currency.
    Money,
    /// Words with commas between them.
    Tags,
    /// One of these.
    Choice(Vec<String>),
    /// Another entity's record, by the entity's key.
    Reference(String),
}

impl Entity {
    /// An entity without fields; its plural is derived where `many` is none.
    pub(crate) fn named(key: &str, name: &str, many: Option<&str>, language: Language) -> Self {
        let name = capitalize(name);
        let many = many.map_or_else(|| plural(&name, language), str::to_owned);
        let path =
            Some(slug(&many, '-', 40)).filter(|path| !path.is_empty()).unwrap_or_else(|| "items".to_owned());
        Self { key: key.to_owned(), name, plural: many, path, fields: Vec::new(), samples: Vec::new() }
    }

    /// The field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// A field under a label from the description. A name that JavaScript or the
    /// application reserves gets a suffix.
    pub(crate) fn new(label: &str, kind: FieldKind) -> Option<Self> {
        const TAKEN: &[&str] = &[
            "id",
            "created_at",
            "updated_at",
            "createdat",
            "updatedat",
            "constructor",
            "prototype",
            "proto",
        ];
        let label = capitalize(&clean_line(label, 40));
        let name = slug(&label, '_', 32);
        let name = match name.as_str() {
            "" => format!("field_{}", fingerprint(&[&label])),
            taken if TAKEN.contains(&taken) => format!("{taken}_field"),
            digit if digit.starts_with(|c: char| c.is_ascii_digit()) => format!("field_{digit}"),
            _ => name,
        };
        (!label.is_empty()).then_some(Self { name, label, kind })
    }
}
