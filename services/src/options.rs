use atelier_builder::BuilderOptions;
use atelier_foundation::FoundationOptions;

/// Settings of every domain.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// Settings of the foundation.
    pub foundation: FoundationOptions,
    /// Settings of the builder.
    pub builder: BuilderOptions,
}
