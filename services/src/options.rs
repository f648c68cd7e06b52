use atelier_builder::BuilderOptions;
use atelier_foundation::FoundationOptions;

/// Settings of every domain.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// Of people and of what they own.
    pub foundation: FoundationOptions,
    /// Of writing and publishing applications.
    pub builder: BuilderOptions,
}
