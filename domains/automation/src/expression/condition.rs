//! Conditions as structure: two values and an operator between them. Values are compared only
//! with values of their own type; anything else is an error, never silently false.

use std::cmp::Ordering;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    context::Context,
    error::{ExpressionError, Fault},
    functions::{compile_regex, moment},
    operators::{contains, is_empty, is_equal, order, type_name},
    parameter::Parameter,
    references::References,
};

/// Most levels of groups.
const MAX_DEPTH: usize = 5;
/// Most conditions with those of all groups.
const MAX_CONDITIONS: usize = 100;

/// Conditions of which all or any must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Whether all or any of them must hold.
    #[serde(default)]
    pub combinator: Combinator,
    /// The conditions.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Groups, each of which counts as one condition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Conditions>,
}

/// How conditions are combined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combinator {
    /// All must hold.
    #[default]
    All,
    /// At least one must hold.
    Any,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The value that is looked at; texts may contain expressions.
    pub left: Value,
    /// The question about it.
    pub operator: Operator,
    /// What it is compared with, where the operator compares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<Value>,
    /// Whether upper and lower case of texts are the same.
    #[serde(default)]
    pub ignore_case: bool,
}

/// What a condition asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Both are the same. Null equals only null.
    Equals,
    /// They differ.
    NotEquals,
    /// The number or text on the left is greater.
    GreaterThan,
    /// It is greater or equal.
    AtLeast,
    /// It is less.
    LessThan,
    /// It is less or equal.
    AtMost,
    /// The list, text or object on the left contains the right.
    Contains,
    /// It does not.
    NotContains,
    /// The list, text or object on the right contains the left.
    In,
    /// It does not.
    NotIn,
    /// The text on the left starts with the right.
    StartsWith,
    /// It ends with the right.
    EndsWith,
    /// The text on the left matches the regular expression on the right.
    Matches,
    /// The date on the left is before the right.
    Before,
    /// It is after the right.
    After,
    /// The left is null or has nothing in it.
    IsEmpty,
    /// It has something in it.
    IsNotEmpty,
    /// It is null.
    IsNull,
    /// It is not null.
    IsNotNull,
    /// It is the boolean true.
    IsTrue,
    /// It is the boolean false.
    IsFalse,
    /// It has a value, which may be null.
    Exists,
    /// It has none.
    NotExists,
}

impl Operator {
    const fn compares(self) -> bool {
        !matches!(
            self,
            Self::IsEmpty
                | Self::IsNotEmpty
                | Self::IsNull
                | Self::IsNotNull
                | Self::IsTrue
                | Self::IsFalse
                | Self::Exists
                | Self::NotExists
        )
    }
}

/// Parsed conditions. Parse them once for a version of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedConditions {
    combinator: Combinator,
    conditions: Vec<Prepared>,
    groups: Vec<PreparedConditions>,
}

#[derive(Debug, Clone, PartialEq)]
struct Prepared {
    left: Parameter,
    operator: Operator,
    right: Option<Parameter>,
    ignore_case: bool,
    pointer: String,
}

impl Conditions {
    /// Parses the expressions. Reports all faults.
    pub fn prepare(&self) -> Result<PreparedConditions, Vec<ExpressionError>> {
        let mut faults = Vec::new();
        if self.count() > MAX_CONDITIONS {
            faults.push(fault_at(
                "",
                Fault::Argument(format!("there are more than {MAX_CONDITIONS} conditions")),
            ));
        }
        let prepared = self.prepare_at("", 1, &mut faults);
        if faults.is_empty() { Ok(prepared) } else { Err(faults) }
    }

    fn count(&self) -> usize {
        self.conditions.len() + self.groups.iter().map(Self::count).sum::<usize>()
    }

    fn prepare_at(
        &self,
        pointer: &str,
        depth: usize,
        faults: &mut Vec<ExpressionError>,
    ) -> PreparedConditions {
        let mut prepared =
            PreparedConditions { combinator: self.combinator, conditions: Vec::new(), groups: Vec::new() };
        if depth > MAX_DEPTH {
            faults.push(fault_at(pointer, Fault::TooDeep));
            return prepared;
        }
        if self.conditions.is_empty() && self.groups.is_empty() {
            faults.push(fault_at(pointer, Fault::Argument("there is no condition".into())));
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            let found = condition.prepare(format!("{pointer}/conditions/{index}"), faults);
            prepared.conditions.extend(found);
        }
        for (index, group) in self.groups.iter().enumerate() {
            prepared.groups.push(group.prepare_at(&format!("{pointer}/groups/{index}"), depth + 1, faults));
        }
        prepared
    }
}

impl Condition {
    fn prepare(&self, pointer: String, faults: &mut Vec<ExpressionError>) -> Option<Prepared> {
        let mut side = |name: &str, value: &Value| match Parameter::parse(value) {
            Ok(parameter) => Some(parameter),
            Err(found) => {
                faults.extend(found.into_iter().map(|error| below(&format!("{pointer}/{name}"), error)));
                None
            }
        };
        let left = side("left", &self.left);
        let right = self.right.as_ref().map(|right| side("right", right));
        let expected = match (self.operator.compares(), &self.right) {
            (true, None) => Some("the operator needs a right side"),
            (false, Some(_)) => Some("the operator has no right side"),
            _ => None,
        };
        faults.extend(expected.map(|message| fault_at(&pointer, Fault::Argument(message.into()))));
        if let (Operator::Matches, Some(Value::String(pattern))) = (self.operator, &self.right)
            && !pattern.contains("{{")
        {
            faults.extend(
                compile_regex(pattern).err().map(|fault| fault_at(&format!("{pointer}/right"), fault)),
            );
        }
        Some(Prepared {
            left: left?,
            operator: self.operator,
            right: right.flatten(),
            ignore_case: self.ignore_case,
            pointer,
        })
    }
}

impl PreparedConditions {
    /// Whether the conditions hold. Those after the first that decides are not evaluated.
    pub fn decide(&self, context: &Context) -> Result<bool, ExpressionError> {
        let decisive = self.combinator == Combinator::Any;
        for condition in &self.conditions {
            if condition.decide(context)? == decisive {
                return Ok(decisive);
            }
        }
        for group in &self.groups {
            if group.decide(context)? == decisive {
                return Ok(decisive);
            }
        }
        Ok(!decisive)
    }

    /// What the expressions name.
    #[must_use]
    pub fn references(&self) -> References {
        let mut found = Vec::new();
        for condition in &self.conditions {
            let asks_existence = matches!(condition.operator, Operator::Exists | Operator::NotExists);
            for (name, side) in [("left", Some(&condition.left)), ("right", condition.right.as_ref())] {
                let references = side.into_iter().flat_map(|side| side.references().0);
                found.extend(references.map(|mut reference| {
                    reference.pointer = format!("{}/{name}{}", condition.pointer, reference.pointer);
                    reference.optional |= asks_existence;
                    reference
                }));
            }
        }
        found.extend(self.groups.iter().flat_map(|group| group.references().0));
        References(found)
    }
}

impl Prepared {
    fn decide(&self, context: &Context) -> Result<bool, ExpressionError> {
        let left = match self.side("left", &self.left, context) {
            Err(ExpressionError { fault: Fault::Missing { .. }, .. }) if self.asks_existence() => {
                return Ok(self.operator == Operator::NotExists);
            }
            left => left?,
        };
        let right = match &self.right {
            Some(right) => self.side("right", right, context)?,
            None => Value::Null,
        };
        let (left, right) = if self.ignore_case { (lower(left), lower(right)) } else { (left, right) };
        holds(self.operator, &left, &right).map_err(|fault| fault_at(&self.pointer, fault))
    }

    fn side(&self, name: &str, side: &Parameter, context: &Context) -> Result<Value, ExpressionError> {
        let pointer = format!("{}/{name}", self.pointer);
        let resolved = side.resolve(context).map_err(|error| below(&pointer, error))?;
        resolved.into_value().map_err(|fault| fault_at(&pointer, fault))
    }

    const fn asks_existence(&self) -> bool {
        matches!(self.operator, Operator::Exists | Operator::NotExists)
    }
}

fn holds(operator: Operator, left: &Value, right: &Value) -> Result<bool, Fault> {
    Ok(match operator {
        Operator::Equals => same(left, right)?,
        Operator::NotEquals => !same(left, right)?,
        Operator::GreaterThan => order(left, right)?.is_gt(),
        Operator::AtLeast => order(left, right)?.is_ge(),
        Operator::LessThan => order(left, right)?.is_lt(),
        Operator::AtMost => order(left, right)?.is_le(),
        Operator::Contains => contains(left, right)?,
        Operator::NotContains => !contains(left, right)?,
        Operator::In => contains(right, left)?,
        Operator::NotIn => !contains(right, left)?,
        Operator::StartsWith => text(left)?.starts_with(text(right)?),
        Operator::EndsWith => text(left)?.ends_with(text(right)?),
        Operator::Matches => compile_regex(text(right)?)?.is_match(text(left)?),
        Operator::Before => date(left)?.cmp(&date(right)?) == Ordering::Less,
        Operator::After => date(left)?.cmp(&date(right)?) == Ordering::Greater,
        Operator::IsEmpty => is_empty(left),
        Operator::IsNotEmpty => !is_empty(left),
        Operator::IsNull => left.is_null(),
        Operator::IsNotNull => !left.is_null(),
        Operator::IsTrue => boolean(left)?,
        Operator::IsFalse => !boolean(left)?,
        Operator::Exists => true,
        Operator::NotExists => false,
    })
}

/// Whether two values of one type are the same. Null may be compared with every type.
fn same(left: &Value, right: &Value) -> Result<bool, Fault> {
    let comparable = left.is_null() || right.is_null() || type_name(left) == type_name(right);
    if comparable {
        return Ok(is_equal(left, right));
    }
    Err(Fault::Type(format!("{} cannot be compared with {}", type_name(left), type_name(right))))
}

fn text(value: &Value) -> Result<&str, Fault> {
    value.as_str().ok_or_else(|| Fault::Type(format!("the operator needs text, not {}", type_name(value))))
}

fn boolean(value: &Value) -> Result<bool, Fault> {
    value
        .as_bool()
        .ok_or_else(|| Fault::Type(format!("the operator needs a boolean, not {}", type_name(value))))
}

fn date(value: &Value) -> Result<DateTime<FixedOffset>, Fault> {
    moment(text(value)?)
        .ok_or_else(|| Fault::Argument("the operator needs dates such as 2026-11-30T12:00:00Z".into()))
}

fn lower(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.to_lowercase()),
        Value::Array(items) => items.into_iter().map(lower).collect(),
        other => other,
    }
}

fn fault_at(pointer: &str, fault: Fault) -> ExpressionError {
    ExpressionError { fault, pointer: pointer.to_owned(), place: None }
}

fn below(pointer: &str, error: ExpressionError) -> ExpressionError {
    ExpressionError { pointer: format!("{pointer}{}", error.pointer), ..error }
}
