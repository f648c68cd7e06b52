//! Deleting an account. The request closes it: from then on it is there for nobody. A job
//! erases what is left of it, in batches that are committed one by one, and goes on where
//! an attempt before ended.

mod account;
mod close;
mod job;

pub(crate) use account::Accounts;
pub use job::EraseAccount;
