//! Why an expression cannot be parsed or evaluated.

use std::fmt;

/// What is wrong with an expression. No message contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is not an expression.
    #[error("{0}")]
    Syntax(String),
    /// The expression or its text is too long.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Parts are nested too deeply, or a chain of operators is too long.
    #[error("nested too deeply")]
    TooDeep,
    /// The name does not exist.
    #[error("there is no {name}; names begin with input, nodes, item, run, workflow, vars or secrets")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// The function or test does not exist.
    #[error("there is no function or test {name}")]
    UnknownFunction {
        /// Its name.
        name: String,
    },
    /// The value does not exist.
    #[error("{path} has no value; default(...) gives it one")]
    Missing {
        /// The path as it is written.
        path: String,
    },
    /// A value has another type than expected.
    #[error("{0}")]
    Type(String),
    /// An argument is not allowed.
    #[error("{0}")]
    Argument(String),
    /// A number does not fit into 64 bits.
    #[error("the number is out of range")]
    Overflow,
    /// The evaluation takes too many steps.
    #[error("the expression takes too many steps")]
    OutOfFuel,
    /// The result is too large.
    #[error("the result is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// A secret is used for more than being sent.
    #[error("a secret must stand alone between {{{{ and }}}} in a parameter that is sent")]
    SecretMisused,
    /// The secret does not exist.
    #[error("there is no secret {name}")]
    SecretUnknown {
        /// Its name.
        name: String,
    },
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "EXPR_SYNTAX",
            Self::TooLong { .. } => "EXPR_TOO_LONG",
            Self::TooDeep => "EXPR_TOO_DEEP",
            Self::UnknownName { .. } => "EXPR_UNKNOWN_NAME",
            Self::UnknownFunction { .. } => "EXPR_UNKNOWN_FUNCTION",
            Self::Missing { .. } => "EXPR_MISSING",
            Self::Type(_) => "EXPR_TYPE",
            Self::Argument(_) => "EXPR_ARGUMENT",
            Self::Overflow => "EXPR_OVERFLOW",
            Self::OutOfFuel => "EXPR_OUT_OF_FUEL",
            Self::TooLarge { .. } => "EXPR_TOO_LARGE",
            Self::SecretMisused => "EXPR_SECRET_MISUSED",
            Self::SecretUnknown { .. } => "EXPR_SECRET_UNKNOWN",
        }
    }
}

/// A place in a text. Both numbers begin with 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column in characters.
    pub column: usize,
}

impl Place {
    /// The place of a byte of a text.
    pub(super) fn of(text: &str, byte: usize) -> Self {
        let end = (0..=byte.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        let before = &text[..end.unwrap_or_default()];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// A fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ExpressionError {
    /// What is wrong.
    pub fault: Fault,
    /// JSON pointer of the text among the parameters; empty where the text is all of it.
    pub pointer: String,
    /// Place in the text, where it is known.
    pub place: Option<Place>,
}

impl ExpressionError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.fault.code()
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        write!(f, "{}", self.fault)?;
        match self.place {
            Some(Place { line, column }) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

/// A fault at a byte of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raised {
    pub(super) fault: Fault,
    pub(super) at: usize,
}

impl Fault {
    /// The fault at this byte.
    pub(super) const fn at(self, at: usize) -> Raised {
        Raised { fault: self, at }
    }
}
