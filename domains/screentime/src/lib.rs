//! Activities, blocking, challenges and reminders.

pub mod mail;

use atelier_foundation::{Foundation, Module};

/// Services of this domain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ScreenTime {}

impl ScreenTime {
    /// The services on this foundation.
    #[must_use]
    pub fn new(_foundation: &Foundation) -> Self {
        Self {}
    }
}

/// What this domain offers to the processes of the product.
#[must_use]
pub fn module() -> Module<ScreenTime> {
    Module::new("screentime").with_mails(&mail::TEMPLATES)
}
