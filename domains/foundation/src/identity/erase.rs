//! Deletion of an account. The request closes the account: from then on it is invisible to
//! everybody. A job erases its data in batches, each in its own transaction. A later
//! attempt continues where an earlier one stopped.

mod account;
mod close;
mod job;

pub(crate) use account::Accounts;
pub use job::EraseAccount;
