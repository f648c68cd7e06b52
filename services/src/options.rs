use atelier_builder::BuilderOptions;
use atelier_foundation::{FoundationOptions, LinkKey};
use secrecy::SecretString;

/// Settings of every domain.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// Settings of the foundation.
    pub foundation: FoundationOptions,
    /// Settings of the builder.
    pub builder: BuilderOptions,
}

/// What the modules of the domains use of the settings. The default is for those who only ask
/// what there is.
#[derive(Clone, Debug)]
pub struct ModuleOptions {
    /// The builder's.
    pub builder: atelier_builder::ModuleOptions,
    /// Makes the links of mails.
    pub links: LinkKey,
}

impl Default for ModuleOptions {
    fn default() -> Self {
        Self { builder: Default::default(), links: LinkKey::new(&SecretString::from(String::new())) }
    }
}

impl From<&ServiceOptions> for ModuleOptions {
    fn from(options: &ServiceOptions) -> Self {
        let ServiceOptions { foundation, builder } = options;
        Self {
            builder: atelier_builder::ModuleOptions::of(builder, foundation.max_projects),
            links: LinkKey::new(&foundation.auth.jwt_secret),
        }
    }
}
