//! Loading: layers, checks, then typed settings.

use std::path::Path;

use crate::error::{ConfigError, Problem, Source};
use crate::layers::Layers;
use crate::report::{self, SettingReport};
use crate::role::Role;
use crate::settings::{LogFormat, Settings};
use crate::{environment, file, validate, warnings};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    /// The effective settings.
    pub settings: Settings,
    /// Every setting with its source, sorted by name, secrets masked.
    pub report: Vec<SettingReport>,
    /// Valid combinations that are rarely intended, a sentence each.
    pub warnings: Vec<String>,
}

/// Loads the settings of `role` from the defaults, the file, and this process's
/// environment.
///
/// # Errors
/// All problems at once, including a file that cannot be read.
pub fn load(role: Role, file: Option<&Path>) -> Result<LoadedConfig, ConfigError> {
    let Some(path) = file else { return load_from(role, None, &environment()) };
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => load_from(role, Some((&name, &text)), &environment()),
        Err(error) => {
            let message = format!("cannot read it: {error}");
            let unread = Problem { key: name.clone(), message, source: Source::File(name) };
            let (others, log_format) = match load_from(role, None, &environment()) {
                Ok(loaded) => (Vec::new(), loaded.settings.telemetry.log_format),
                Err(rest) => (rest.problems, rest.log_format),
            };
            let problems = std::iter::once(unread).chain(others).collect();
            Err(ConfigError { problems, log_format })
        }
    }
}

fn environment() -> Vec<(String, String)> {
    let relevant = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok().filter(|name| environment::is_relevant(name))?;
        Some((name, value.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(relevant).collect()
}

/// Loads the settings of `role` from the defaults, a file's name and text, and
/// the given environment.
///
/// # Errors
/// All problems at once.
pub fn load_from(
    role: Role,
    file_text: Option<(&str, &str)>,
    env: &[(String, String)],
) -> Result<LoadedConfig, ConfigError> {
    let mut layers = Layers::new();
    if let Some((name, text)) = file_text {
        file::apply(&mut layers, name, text);
    }
    environment::apply(&mut layers, env);
    validate::check_values(&mut layers);
    validate::check_role(&mut layers, role);
    let settings: Result<Settings, _> = layers.to_table().try_into();
    let settings = match settings {
        Ok(settings) => {
            validate::check_together(&mut layers, &settings);
            Some(settings)
        }
        Err(error) if layers.problems.is_empty() => {
            layers.reject("configuration", error.message(), Source::Default);
            None
        }
        Err(_) => None,
    };
    match settings {
        Some(settings) if layers.problems.is_empty() => {
            let warnings = warnings::list_warnings(&settings, role);
            Ok(LoadedConfig { settings, report: report::report(&layers), warnings })
        }
        _ => {
            let log_format = match layers.text("telemetry.log_format") {
                "json" => LogFormat::Json,
                _ => LogFormat::Pretty,
            };
            Err(ConfigError { problems: layers.problems, log_format })
        }
    }
}

#[cfg(test)]
mod tests;
