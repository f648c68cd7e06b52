use super::Deployments;

/// The platform that every instance has: sites on hosts of their own, or under
/// `/preview/{slug}/`.
pub const PREVIEW: &str = "preview";

/// A platform to which applications can be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Stable id.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// A sentence for people.
    pub description: &'static str,
    /// Whether this instance can publish there.
    pub available: bool,
    /// What a project or the instance needs for it.
    pub requires: Vec<&'static str>,
}

impl Deployments {
    /// Every platform, including those that are not available on this instance.
    #[must_use]
    pub fn platforms() -> Vec<Platform> {
        let outside = |id, name, description| Platform {
            id,
            name,
            description,
            available: false,
            requires: vec!["repository", "token"],
        };
        vec![
            Platform {
                id: PREVIEW,
                name: "Preview",
                description: "Publishes the static files on this instance, at an address of their own.",
                available: true,
                requires: Vec::new(),
            },
            outside("vercel", "Vercel", "Frontends and serverless functions."),
            outside("netlify", "Netlify", "Static sites and forms."),
            outside("render", "Render", "Web services and static sites."),
        ]
    }
}
