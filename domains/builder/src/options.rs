use std::time::Duration;

use atelier_foundation::CreditOptions;

/// Settings of the builder.
#[derive(Clone, Debug)]
pub struct BuilderOptions {
    /// Limits of generations.
    pub generation: GenerationOptions,
    /// Prices of generations.
    pub credits: CreditOptions,
    /// The public URL of this instance, without a slash at the end. Addresses of published
    /// sites start with it.
    pub public_url: String,
    /// The addresses of published sites with `{slug}` in the host; empty where sites have no
    /// hosts of their own.
    pub preview_url: String,
}

/// What the effects and the actions of the builder use of the settings.
#[derive(Clone, Debug, Default)]
pub struct ModuleOptions {
    /// What addresses of published sites begin with.
    pub public_url: String,
    /// Their addresses where they have hosts of their own.
    pub preview_url: String,
    /// Prices of generations.
    pub credits: CreditOptions,
    /// Maximum number of versions of a project.
    pub max_versions: u64,
    /// Maximum number of projects of an account.
    pub max_projects: u64,
}

impl ModuleOptions {
    /// Those of these settings. `max_projects` is the maximum number of projects of an account.
    #[must_use]
    pub fn of(options: &BuilderOptions, max_projects: u64) -> Self {
        Self {
            public_url: options.public_url.clone(),
            preview_url: options.preview_url.clone(),
            credits: options.credits,
            max_versions: options.generation.max_versions,
            max_projects,
        }
    }
}

/// Limits of a generation.
#[derive(Clone, Copy, Debug)]
pub struct GenerationOptions {
    /// How often a completion that fails the checks is sent back with its faults.
    pub max_repairs: u32,
    /// Time limit of one completion. A completion is sent back only if the attempt has this
    /// much time left.
    pub max_completion_time: Duration,
    /// Maximum number of files.
    pub max_files: usize,
    /// Maximum size of a file, in bytes.
    pub max_file_bytes: usize,
    /// Maximum size of all files together, in bytes.
    pub max_total_bytes: usize,
    /// Maximum number of versions of a project.
    pub max_versions: u64,
}
