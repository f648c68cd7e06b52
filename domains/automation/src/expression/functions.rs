//! The functions of expressions. Each can be called as `f(x)`, as `x | f` and as `x.f()`.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    error::Fault,
    operators::{Numeric, type_name},
    session::{Session, size},
    syntax::Call,
};

mod dates;
mod encoding;
mod lists;
mod logic;
mod numbers;
mod objects;
mod predicates;
mod text;

pub(super) use dates::moment;
pub(super) use lists::slice;
pub(super) use predicates::test;
pub(super) use text::compile as compile_regex;

/// A function and how it is called.
struct Function {
    name: &'static str,
    /// Parameters by position. They may be named too.
    parameters: &'static [&'static str],
    /// How many of them must be given.
    required: usize,
    /// Parameters that are given by name only.
    named: &'static [&'static str],
    /// Whether further arguments may follow.
    rest: bool,
    run: fn(&Arguments<'_>) -> Result<Value, Fault>,
}

impl Function {
    const fn new(
        name: &'static str,
        parameters: &'static [&'static str],
        required: usize,
        run: fn(&Arguments<'_>) -> Result<Value, Fault>,
    ) -> Self {
        Self { name, parameters, required, named: &[], rest: false, run }
    }

    const fn with_rest(self) -> Self {
        Self { rest: true, ..self }
    }

    const fn with_named(self, named: &'static [&'static str]) -> Self {
        Self { named, ..self }
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        self.parameters.iter().chain(self.named).position(|parameter| *parameter == name)
    }

    /// Checks how many arguments there are and their names.
    fn check<'n>(&self, count: usize, mut names: impl Iterator<Item = &'n str>) -> Result<(), Fault> {
        let name = self.name;
        if count > self.parameters.len() && !self.rest {
            let most = self.parameters.len();
            return Err(Fault::Argument(format!("{name} takes at most {most} arguments, not {count}")));
        }
        match names.find(|given| self.place_of(given).is_none_or(|place| place < count)) {
            Some(given) => Err(Fault::Argument(format!("{name} does not take the argument {given}"))),
            None => Ok(()),
        }
    }
}

/// Evaluated by `evaluate`, since their arguments may be missing or are not all evaluated.
const LAZY: &[Function] = &[
    Function::new("default", &["value", "fallback", "also_empty"], 1, logic::never),
    Function::new("d", &["value", "fallback", "also_empty"], 1, logic::never),
    Function::new("coalesce", &["value"], 1, logic::never).with_rest(),
    Function::new("if_else", &["condition", "then", "otherwise"], 3, logic::never),
];

const TABLES: [&[Function]; 8] = [
    text::FUNCTIONS,
    encoding::FUNCTIONS,
    numbers::FUNCTIONS,
    dates::FUNCTIONS,
    lists::FUNCTIONS,
    objects::FUNCTIONS,
    LAZY,
    logic::FUNCTIONS,
];

fn find(name: &str) -> Option<&'static Function> {
    TABLES.into_iter().flatten().find(|function| function.name == name)
}

/// The names of all functions.
#[cfg(test)]
pub(super) fn names() -> Vec<&'static str> {
    TABLES.into_iter().flatten().map(|function| function.name).collect()
}

fn get(name: &str) -> Result<&'static Function, Fault> {
    find(name).ok_or_else(|| Fault::UnknownFunction { name: name.to_owned() })
}

/// Checks a call as far as it can be without values.
pub(super) fn check_call(call: &Call) -> Result<(), Fault> {
    let function = get(&call.name)?;
    let names = || call.named.iter().map(|(name, _)| name.as_str());
    function.check(call.arguments.len(), names())?;
    let given = |place: &usize| {
        *place < call.arguments.len() || names().any(|name| name == function.parameters[*place])
    };
    if LAZY.iter().any(|lazy| lazy.name == call.name) && !call.named.is_empty() {
        return Err(Fault::Argument(format!("{} takes its arguments by position", call.name)));
    }
    match (0..function.required).find(|place| !given(place)) {
        Some(place) => {
            let parameter = function.parameters[place];
            Err(Fault::Argument(format!("{} needs the argument {parameter}", call.name)))
        }
        None => Ok(()),
    }
}

/// Checks a test as far as it can be without values.
pub(super) fn check_test(call: &Call) -> Result<(), Fault> {
    predicates::check(&call.name, call.arguments.len().saturating_sub(1), call.named.is_empty())
}

/// Calls a function.
pub(super) fn call(
    name: &str,
    values: &[Cow<'_, Value>],
    named: &[(&str, Cow<'_, Value>)],
    session: &Session<'_>,
) -> Result<Value, Fault> {
    let function = get(name)?;
    function.check(values.len(), named.iter().map(|(name, _)| *name))?;
    let read: usize =
        values.iter().chain(named.iter().map(|(_, value)| value)).map(|value| size(value)).sum();
    session.charge(read)?;
    let (parameters, further) = (function.parameters.len(), function.named.len());
    let mut slots: Vec<Option<&Value>> = vec![None; parameters + further];
    for (slot, value) in slots.iter_mut().zip(values.iter().take(parameters)) {
        *slot = Some(&**value);
    }
    for (name, value) in named {
        if let Some(slot) = function.place_of(name).and_then(|place| slots.get_mut(place)) {
            *slot = Some(&**value);
        }
    }
    let rest = values.iter().skip(parameters).map(|value| &**value).collect();
    let result = (function.run)(&Arguments { function, slots, rest, session })?;
    session.charge(size(&result))?;
    Ok(result)
}

/// The arguments of a call.
struct Arguments<'a> {
    function: &'static Function,
    slots: Vec<Option<&'a Value>>,
    rest: Vec<&'a Value>,
    session: &'a Session<'a>,
}

impl<'a> Arguments<'a> {
    /// An argument that may be left out.
    fn optional(&self, place: usize) -> Option<&'a Value> {
        self.slots.get(place).copied().flatten()
    }

    /// An argument that must be given.
    fn value(&self, place: usize) -> Result<&'a Value, Fault> {
        self.optional(place).ok_or_else(|| {
            Fault::Argument(format!("{} needs the argument {}", self.function.name, self.parameter(place)))
        })
    }

    fn text(&self, place: usize) -> Result<&'a str, Fault> {
        let value = self.value(place)?;
        value.as_str().ok_or_else(|| self.wrong(place, "text", value))
    }

    fn text_or(&self, place: usize, fallback: &'a str) -> Result<&'a str, Fault> {
        if self.optional(place).is_some() { self.text(place) } else { Ok(fallback) }
    }

    fn number(&self, place: usize) -> Result<Numeric, Fault> {
        let value = self.value(place)?;
        Numeric::of(value).ok_or_else(|| self.wrong(place, "a number", value))
    }

    fn integer(&self, place: usize) -> Result<i64, Fault> {
        let value = self.value(place)?;
        value.as_i64().ok_or_else(|| self.wrong(place, "an integer", value))
    }

    fn integer_or(&self, place: usize, fallback: i64) -> Result<i64, Fault> {
        if self.optional(place).is_some() { self.integer(place) } else { Ok(fallback) }
    }

    fn list(&self, place: usize) -> Result<&'a [Value], Fault> {
        let value = self.value(place)?;
        value.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong(place, "a list", value))
    }

    fn object(&self, place: usize) -> Result<&'a serde_json::Map<String, Value>, Fault> {
        let value = self.value(place)?;
        value.as_object().ok_or_else(|| self.wrong(place, "an object", value))
    }

    /// The argument is of the wrong type.
    fn wrong(&self, place: usize, expected: &str, found: &Value) -> Fault {
        let (name, parameter) = (self.function.name, self.parameter(place));
        Fault::Type(format!("{name} needs {expected} as {parameter}, not {}", type_name(found)))
    }

    fn parameter(&self, place: usize) -> &'static str {
        let mut parameters = self.function.parameters.iter().chain(self.function.named);
        parameters.nth(place).copied().unwrap_or_default()
    }
}
