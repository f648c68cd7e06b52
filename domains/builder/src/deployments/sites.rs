//! Serving published sites.

use atelier_entities::{DeploymentId, published_sites};
use atelier_providers::object_store::ObjectError;
use sea_orm::{DbErr, EntityTrait};
use sha2::{Digest, Sha256};

use super::{DeploymentError, Deployments, SiteFile, SiteResponse, site_folder};
use crate::react::ROUTES_PAGE;

/// Maximum length of a path.
const MAX_PATH: usize = 512;

/// The page for missing files.
const MISSING: &str = "404.html";

impl Deployments {
    /// The response of a site for a path: `index.html` for the root and for folders, and the
    /// page of a browser router's routes for other paths without an extension, if the site
    /// has one. None if the site does not exist, or has neither the file nor a `404.html`.
    ///
    /// A file of a deployment never changes, so it is not read if the client `has` its
    /// entity tag.
    pub async fn show_site(
        &self,
        slug: &str,
        path: &str,
        has: impl Fn(&str) -> bool,
    ) -> Result<Option<SiteResponse>, DeploymentError> {
        let Some(site) = self.find_site(slug).await? else { return Ok(None) };
        let candidates = candidates(path);
        let etags = candidates.iter().map(|candidate| etag(site.deployment_id, candidate));
        if let Some(etag) = etags.into_iter().find(|etag| has(etag)) {
            return Ok(Some(SiteResponse::Unchanged(etag)));
        }
        for candidate in candidates {
            if let Some(file) = self.read(site.deployment_id, &candidate).await? {
                return Ok(Some(SiteResponse::File(file)));
            }
        }
        Ok(self.read(site.deployment_id, MISSING).await?.map(SiteResponse::Missing))
    }

    async fn find_site(&self, slug: &str) -> Result<Option<published_sites::Model>, DbErr> {
        published_sites::Entity::find_by_id(slug.to_owned()).one(self.queue.db()).await
    }

    async fn read(&self, deployment: DeploymentId, path: &str) -> Result<Option<SiteFile>, DeploymentError> {
        match self.objects.get(&format!("{}/{path}", site_folder(deployment))).await {
            Ok(found) => Ok(found.map(|(bytes, content_type)| {
                let etag = etag(deployment, path);
                SiteFile { bytes, content_type, etag }
            })),
            Err(ObjectError::InvalidKey { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The entity tag of a deployment's file.
fn etag(deployment: DeploymentId, path: &str) -> String {
    let digest = Sha256::digest(format!("{deployment}/{path}"));
    format!("\"{}\"", hex::encode(&digest[..16]))
}

/// The files for a path, in order of preference. Empty for a path with `..` or a hidden
/// segment.
fn candidates(path: &str) -> Vec<String> {
    let path = path.trim_start_matches('/');
    let sound = |segment: &str| !segment.is_empty() && !segment.starts_with('.') && !segment.contains('\\');
    let inner = path.strip_suffix('/').unwrap_or(path);
    if path.len() > MAX_PATH || (!inner.is_empty() && !inner.split('/').all(sound)) {
        return Vec::new();
    }
    if inner.is_empty() {
        return vec!["index.html".to_owned()];
    }
    let index = format!("{inner}/index.html");
    let routes = ROUTES_PAGE.to_owned();
    if path.ends_with('/') {
        return vec![index, routes];
    }
    let has_extension = inner.rsplit('/').next().is_some_and(|name| name.contains('.'));
    if has_extension { vec![inner.to_owned()] } else { vec![inner.to_owned(), index, routes] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_files_and_folders_have_an_index() {
        let table: [(&str, &[&str]); 8] = [
            ("", &["index.html"]),
            ("/", &["index.html"]),
            ("css/styles.css", &["css/styles.css"]),
            ("about/", &["about/index.html", "200.html"]),
            ("about", &["about", "about/index.html", "200.html"]),
            ("../secret", &[]),
            ("a/../../b.css", &[]),
            (".env", &[]),
        ];
        for (path, files) in table {
            assert_eq!(candidates(path), files, "{path}");
        }
        assert!(candidates("a//b").is_empty() && candidates("a\\b").is_empty());
        assert!(candidates(&"a/".repeat(400)).is_empty());
    }
}
