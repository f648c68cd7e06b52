use std::time::Duration;

use atelier_foundation::CreditOptions;

/// Settings of writing and publishing applications.
#[derive(Clone, Debug)]
pub struct BuilderOptions {
    /// Bounds of what is generated.
    pub generation: GenerationOptions,
    /// Of what generations cost.
    pub credits: CreditOptions,
    /// Where people reach this instance, without a slash at the end. Addresses of
    /// published sites start with it.
    pub public_url: String,
}

/// Bounds of a generated application.
#[derive(Clone, Copy, Debug)]
pub struct GenerationOptions {
    /// How often an answer that fails the checks is sent back with its faults.
    pub max_repairs: u32,
    /// Longest time one answer of the model may take: an answer is sent back only where
    /// the job has as much time left.
    pub longest_answer: Duration,
    /// Most files.
    pub max_files: usize,
    /// Most bytes of one file.
    pub max_file_bytes: usize,
    /// Most bytes of all files.
    pub max_total_bytes: usize,
    /// Most versions of one project.
    pub max_versions: u64,
}
