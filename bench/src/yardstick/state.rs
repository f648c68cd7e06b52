//! What the handlers share.

use std::sync::Arc;

use super::{database::Database, tokens::Tokens};

pub(super) type Shared = Arc<State>;

/// What [`Shared`] leads to.
pub(super) struct State {
    pub(super) tokens: Tokens,
    pub(super) database: Database,
}
