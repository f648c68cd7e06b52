//! A measurement with its figures.

use serde::Serialize;
use serde_json::Value;

use super::{figures::Figures, testbed};

/// A measurement, how it was configured, and its figures.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) configuration: Value,
    pub(super) figures: Figures,
}

impl Section {
    /// The section of a measurement that took these arguments.
    pub(super) fn new(
        name: &'static str,
        args: &impl Serialize,
        runs: u16,
        figures: Figures,
    ) -> anyhow::Result<Self> {
        let mut configuration = serde_json::to_value(args)?;
        configuration["measurement"] = name.into();
        configuration["runs"] = runs.into();
        configuration["postgres_settings"] = testbed::POSTGRES_SETTINGS.lines().collect();
        Ok(Self { name, configuration, figures })
    }
}
