use serde::Deserialize;

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
pub struct LimitsSettings {
    /// Requests a minute for one user or address.
    pub requests_per_minute: u32,
    /// Registrations, sign-ins and refreshes a minute for one address.
    pub auth_per_minute: u32,
    /// Generations, deployments and exports a minute for one user.
    pub generation_per_minute: u32,
    /// Files of published sites a minute for one address.
    pub preview_per_minute: u32,
    /// Projects of one user.
    pub projects_per_user: u64,
    /// Versions of one project.
    pub versions_per_project: u64,
}
