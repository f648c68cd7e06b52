//! The place of an item among loops.

use std::{fmt, str::FromStr};

/// One loop and one of its items.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeStep {
    /// The key of the loop node.
    pub node: String,
    /// The number of the item, from 0.
    pub item: u32,
}

/// The items around a node, from the outside in. The run itself is the empty path.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopePath(Vec<ScopeStep>);

impl ScopePath {
    /// The scope of the run.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The scope of an item of a loop in this scope.
    #[must_use]
    pub fn item(&self, node: &str, item: u32) -> Self {
        let mut steps = self.0.clone();
        steps.push(ScopeStep { node: node.to_owned(), item });
        Self(steps)
    }

    /// The scope around this one, and the item that this one is. Nothing for the run.
    #[must_use]
    pub fn split(&self) -> Option<(Self, &ScopeStep)> {
        let (last, outer) = self.0.split_last()?;
        Some((Self(outer.to_vec()), last))
    }

    /// Whether this is the run.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this lies within the other one, or is the same.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The items from the outside in, this one last.
    pub fn items(&self) -> impl Iterator<Item = Self> {
        (1..=self.0.len()).map(|length| Self(self.0[..length].to_vec()))
    }

    /// The steps from the outside in.
    #[must_use]
    pub fn steps(&self) -> &[ScopeStep] {
        &self.0
    }
}

impl fmt::Display for ScopePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{}[{}]", step.node, step.item)?;
        }
        Ok(())
    }
}

/// A text that is no path of a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no path of a scope")]
pub struct NotAScope(String);

impl FromStr for ScopePath {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        let step = |part: &str| {
            let (node, item) = part.strip_suffix(']')?.split_once('[')?;
            Some(ScopeStep { node: node.to_owned(), item: item.parse().ok()? })
        };
        if text.is_empty() {
            return Ok(Self::root());
        }
        let steps: Option<Vec<_>> = text.split('.').map(step).collect();
        steps.map(Self).ok_or_else(|| NotAScope(text.to_owned()))
    }
}
