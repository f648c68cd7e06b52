//! The limits of an evaluation, and how much of them is used.

use std::cell::Cell;

use serde_json::Value;

use super::{context::Context, error::Fault};

/// Most bytes of one expression.
pub(super) const MAX_EXPRESSION_BYTES: usize = 4 * 1024;
/// Most bytes of a text with expressions.
pub(super) const MAX_TEMPLATE_BYTES: usize = 64 * 1024;
/// Most levels of nesting of an expression and of parameters.
pub(super) const MAX_DEPTH: usize = 64;
/// Most bytes of what one text resolves to.
pub(super) const MAX_RESULT_BYTES: usize = 256 * 1024;
/// Steps that one text may take.
const FUEL: u64 = 50_000;
/// Steps that all parameters of a node may take.
const TOTAL_FUEL: u64 = 10 * FUEL;
/// Most bytes that the parameters of a node may copy by paths that stand alone.
pub(super) const MAX_COPIED_BYTES: usize = 48 * 1024 * 1024;
/// Bytes that are read or written in one step.
const BYTES_A_STEP: u64 = 256;

/// One evaluation of the parameters of a node.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    fuel: Cell<u64>,
    total: Cell<u64>,
    copied: Cell<usize>,
    uuids: Cell<u32>,
}

impl<'a> Session<'a> {
    /// A session with full fuel.
    pub(super) fn new(context: &'a Context) -> Self {
        Self {
            context,
            fuel: Cell::new(FUEL),
            total: Cell::new(TOTAL_FUEL),
            copied: Cell::new(0),
            uuids: Cell::new(0),
        }
    }

    /// Starts the next text.
    pub(super) fn start_text(&self) {
        self.fuel.set(FUEL);
    }

    /// Uses one step, and those for reading or writing `bytes`.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), Fault> {
        let steps = 1 + bytes as u64 / BYTES_A_STEP;
        for tank in [&self.fuel, &self.total] {
            tank.set(tank.get().checked_sub(steps).ok_or(Fault::OutOfFuel)?);
        }
        Ok(())
    }

    /// Counts what a path that stands alone copies.
    pub(super) fn copy(&self, bytes: usize) -> Result<(), Fault> {
        self.copied.set(self.copied.get().saturating_add(bytes));
        if self.copied.get() > MAX_COPIED_BYTES {
            return Err(Fault::TooLarge { limit: MAX_COPIED_BYTES });
        }
        Ok(())
    }

    /// The number of the next generated id.
    pub(super) fn next_uuid(&self) -> u32 {
        let number = self.uuids.get();
        self.uuids.set(number.wrapping_add(1));
        number
    }
}

/// About how many bytes a value takes.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => 8 + text.len(),
        Value::Array(items) => 8 + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => 8 + fields.iter().map(|(key, value)| key.len() + size(value)).sum::<usize>(),
    }
}

/// Refuses a result of more than [`MAX_RESULT_BYTES`].
pub(super) const fn bound(bytes: usize) -> Result<(), Fault> {
    if bytes > MAX_RESULT_BYTES { Err(Fault::TooLarge { limit: MAX_RESULT_BYTES }) } else { Ok(()) }
}
