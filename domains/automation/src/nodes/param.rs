//! Values of a config that expressions may give.

use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::{Map, Value};

use super::call::NodeFailure;
use crate::{
    expression::{Condition, Conditions, Context, ExpressionError, Fault, PreparedConditions},
    graph::ConfigFault,
};

/// A value of a config, or an expression that gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param<T> {
    /// The value.
    Value(T),
    /// The expression. What it gives is checked when the node runs.
    Expression(String),
}

impl<T> Param<T> {
    /// The value, once the expressions are evaluated.
    ///
    /// # Errors
    /// If the expression gave a text that looks like an expression itself.
    pub fn value(self, pointer: &str) -> Result<T, NodeFailure> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Expression(_) => Err(NodeFailure::at(pointer, "the value is a text with braces")),
        }
    }

    /// The value, where it is written in the config.
    #[must_use]
    pub const fn constant(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Expression(_) => None,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Param<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) if text.contains("{{") => Ok(Self::Expression(text)),
            value => serde_json::from_value(value).map(Self::Value).map_err(D::Error::custom),
        }
    }
}

/// What is compared: one condition, or several of which all or any must hold. The node itself
/// evaluates it.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    conditions: Conditions,
    is_single: bool,
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        let is_single = fields.contains_key("left") || fields.contains_key("operator");
        let value = Value::Object(fields);
        let conditions = if is_single {
            let condition: Condition = serde_json::from_value(value).map_err(D::Error::custom)?;
            Conditions { combinator: Default::default(), conditions: vec![condition], groups: Vec::new() }
        } else {
            serde_json::from_value(value).map_err(D::Error::custom)?
        };
        Ok(Self { conditions, is_single })
    }
}

impl When {
    /// What is wrong with its form. Expressions that do not parse are reported elsewhere.
    ///
    /// # Errors
    /// The first place that is wrong.
    pub fn check(&self, pointer: &str) -> Result<(), ConfigFault> {
        let faults = self.conditions.prepare().err().unwrap_or_default();
        let wrong =
            faults.into_iter().find(|fault| matches!(fault.fault, Fault::Argument(_) | Fault::TooDeep));
        match wrong {
            Some(error) => {
                let place = self.place(&error.pointer);
                Err(ConfigFault::at(format!("{pointer}{place}"), error.fault.to_string()))
            }
            None => Ok(()),
        }
    }

    /// The conditions in the form that is evaluated.
    ///
    /// # Errors
    /// If an expression does not parse.
    pub fn prepare(&self, pointer: &str) -> Result<PreparedWhen, NodeFailure> {
        let prepared = self.conditions.prepare().map_err(|faults| match faults.into_iter().next() {
            Some(error) => self.placed(pointer, error).into(),
            None => NodeFailure::at(pointer, "the conditions cannot be read"),
        })?;
        Ok(PreparedWhen { when: self.clone(), prepared, pointer: pointer.to_owned() })
    }

    /// The place as it is written in the config.
    fn place<'a>(&self, pointer: &'a str) -> &'a str {
        let prefix = if self.is_single { "/conditions/0" } else { "" };
        pointer.strip_prefix(prefix).unwrap_or(pointer)
    }

    fn placed(&self, pointer: &str, error: ExpressionError) -> ExpressionError {
        ExpressionError { pointer: format!("{pointer}{}", self.place(&error.pointer)), ..error }
    }
}

/// Conditions in the form that is evaluated.
#[derive(Clone, Debug)]
pub struct PreparedWhen {
    when: When,
    prepared: PreparedConditions,
    pointer: String,
}

impl PreparedWhen {
    /// Whether the conditions hold.
    ///
    /// # Errors
    /// The error of an expression, with its place in the config.
    pub fn holds(&self, context: &Context) -> Result<bool, ExpressionError> {
        self.prepared.decide(context).map_err(|error| self.when.placed(&self.pointer, error))
    }
}
