//! A text on the canvas.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, Field, Widget, both, text},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// What a `note` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The text.
    #[serde(default)]
    pub text: String,
}

impl Config for Note {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::note())
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_source::<Note>("note", describe);

fn describe() -> Description {
    let note = Field::optional("text", both("Text", "Texte"), Widget::Textarea, text());
    Description::new(
        Category::Canvas,
        both("Note", "Note"),
        both("A text on the canvas. It does nothing.", "Un texte sur le plan. Il ne fait rien."),
        "M5 4h14v11l-5 5h-9zM14 20v-5h5",
    )
    .with_config(vec![note], json!({"text": "Why this is here"}))
}
