//! Plans, purchases, subscriptions and invoices.

pub mod mail;

use atelier_foundation::{Foundation, Module};

/// Services of this domain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Billing {}

impl Billing {
    /// The services on this foundation.
    #[must_use]
    pub fn new(_foundation: &Foundation) -> Self {
        Self {}
    }
}

/// What this domain offers to the processes of the product.
#[must_use]
pub fn module() -> Module<Billing> {
    Module::new("billing").with_mails(&[&mail::PAYMENT_RECEIPT])
}
