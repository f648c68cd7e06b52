//! What an expression of a node can see, and where it lies here.

use std::collections::BTreeMap;

/// A part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A field.
    Field(String),
    /// A place in a list.
    Place(i64),
}

/// Where the fields of an item lie in the output here: the longest prefix of a path is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    rules: Vec<(Vec<String>, Vec<String>)>,
}

impl View {
    /// A view with one rule.
    pub(super) fn of(from: &[&str], to: &[&str]) -> Self {
        Self::default().with(from, to)
    }

    /// The same with another rule, which precedes those of the same prefix.
    pub(super) fn with(mut self, from: &[&str], to: &[&str]) -> Self {
        if from == to && self.rules.is_empty() {
            return self;
        }
        let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
        self.rules.insert(0, (owned(from), owned(to)));
        self
    }

    /// Where a path lies.
    pub(super) fn apply(&self, path: &[Step]) -> Vec<Step> {
        let starts = |prefix: &[String]| {
            let is_same = |(part, step): (&String, &Step)| matches!(step, Step::Field(name) if name == part);
            prefix.len() <= path.len() && prefix.iter().zip(path).all(is_same)
        };
        let found = self
            .rules
            .iter()
            .filter(|(from, _)| starts(from))
            .reduce(|best, rule| if rule.0.len() > best.0.len() { rule } else { best });
        match found {
            Some((from, to)) => {
                let moved = to.iter().cloned().map(Step::Field);
                moved.chain(path[from.len()..].iter().cloned()).collect()
            }
            None => path.to_vec(),
        }
    }
}

/// What a node gives: one item or a list of them, and where their fields lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Whether it is a list of items.
    pub(super) many: bool,
    /// Where the fields of an item lie.
    pub(super) view: View,
}

impl Reading {
    /// One item whose fields lie where they did.
    pub(super) fn one() -> Self {
        Self::default()
    }

    /// A list of items.
    pub(super) fn list(view: View) -> Self {
        Self { many: true, view }
    }

    /// One item with this view.
    pub(super) fn viewed(view: View) -> Self {
        Self { many: false, view }
    }
}

/// An item, and the list that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// The expression of the item.
    pub(super) item: String,
    /// The expression of the list; that of a list of one where it is absent.
    pub(super) list: Option<String>,
    /// Where the fields of an item lie.
    pub(super) view: View,
}

impl Base {
    /// The expression of the list.
    pub(super) fn all(&self) -> String {
        self.list.clone().unwrap_or_else(|| format!("[{}]", self.item))
    }

    /// The expression of an item of the list by its place.
    pub(super) fn at(&self, place: i64) -> String {
        match &self.list {
            Some(list) => format!("{list}[{place}]"),
            None => self.item.clone(),
        }
    }
}

/// A node that is translated already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Its key.
    pub(super) key: String,
    /// What it gives.
    pub(super) reading: Reading,
    /// The loops around it, from the outside in, as places of nodes.
    pub(super) home: Vec<usize>,
}

/// What an expression of a node can see.
#[derive(Clone, Debug)]
pub(super) struct Sight<'a> {
    /// Its input.
    pub(super) input: Base,
    /// The nodes that are translated already, by name.
    pub(super) known: &'a BTreeMap<String, Known>,
    /// The loops around the node, from the outside in.
    pub(super) home: &'a [usize],
    /// The name of the loop around it, and its item, where `item` means that.
    pub(super) around: Option<(&'a str, Base)>,
    /// Whether the node runs for each item of a list.
    pub(super) is_item: bool,
    /// The time zone of the workflow.
    pub(super) zone: Option<&'a str>,
}

/// Why a node cannot be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// It comes later, or does not exist.
    Unknown,
    /// It lies in a loop that is not around the node.
    InLoop,
}

impl Sight<'_> {
    /// The output of a node by its name, and whether the item was chosen rather than known.
    pub(super) fn source(&self, name: &str) -> Result<(Base, bool), Hidden> {
        if let Some((around, base)) = &self.around
            && *around == name
        {
            return Ok((base.clone(), false));
        }
        let known = self.known.get(name).ok_or(Hidden::Unknown)?;
        if !self.home.starts_with(&known.home) {
            return Err(Hidden::InLoop);
        }
        let output = format!("nodes.{}.output", known.key);
        let view = known.reading.view.clone();
        Ok(match (known.reading.many, self.is_item) {
            (false, _) => (Base { item: output, list: None, view }, false),
            (true, true) => (Base { item: format!("{output}[index]"), list: Some(output), view }, true),
            (true, false) => (Base { item: format!("{output}[0]"), list: Some(output), view }, true),
        })
    }
}
