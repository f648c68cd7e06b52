//! Expressions in the parameters of nodes.
//!
//! A text may contain expressions between `{{` and `}}`, in the syntax of MiniJinja's
//! expressions. There are no statements. A text that is exactly one expression keeps the type
//! of its value; otherwise values are written into the text, `null` as nothing. A value that
//! is missing is an error unless `default`, `coalesce` or `is defined` asks for it.
//!
//! MiniJinja parses; the evaluation is ours: it counts steps and bytes, it says what is
//! missing and where, and it never sees a secret. `secrets.NAME` must stand alone between the
//! braces and becomes a handle in the resolved parameter, which only the node that sends the
//! value opens.

mod condition;
mod context;
mod error;
mod evaluate;
mod functions;
mod operators;
mod parameter;
mod redactor;
mod references;
mod resolved;
mod session;
mod syntax;
mod template;

pub use condition::{Combinator, Condition, Conditions, Operator, PreparedConditions};
pub use context::{Context, Root};
pub use error::{ExpressionError, Fault, Place};
pub(crate) use operators::{Numeric, order, text_of, type_name};
pub use parameter::Parameter;
pub use redactor::Redactor;
pub use references::{Reference, References};
pub use resolved::{Resolved, Revealed, SecretHandle, TextPart};

#[cfg(test)]
mod tests;
