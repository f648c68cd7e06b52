//! Serving published sites.

use atelier_entities::{projects, published_sites};
use atelier_providers::object_store::ObjectError;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};
use sha2::{Digest, Sha256};

use super::{DeploymentError, Deployments, SiteFile, site_folder};

/// Longest path that is looked up.
const MAX_PATH: usize = 512;

impl Deployments {
    /// A file of the site at that slug: `index.html` for the root and for folders.
    /// None where there is no such site or no such file in it.
    pub async fn site_file(&self, slug: &str, path: &str) -> Result<Option<SiteFile>, DeploymentError> {
        let Some(site) = self.find_site(slug).await? else { return Ok(None) };
        let folder = site_folder(site.deployment_id);
        for candidate in candidates(path) {
            if let Some(file) = self.read(&format!("{folder}/{candidate}")).await? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    /// The page that a site itself has for what it lacks, its `404.html`.
    pub async fn missing_page(&self, slug: &str) -> Result<Option<SiteFile>, DeploymentError> {
        self.site_file(slug, "404.html").await
    }

    /// Counts a view of a site's page. A count that is lost is only worth a log line.
    pub async fn count_view(&self, slug: &str) {
        if let Err(error) = self.add_view(slug).await {
            tracing::warn!(slug, %error, "view not counted");
        }
    }

    async fn find_site(&self, slug: &str) -> Result<Option<published_sites::Model>, DbErr> {
        published_sites::Entity::find_by_id(slug.to_owned()).one(self.queue.db()).await
    }

    async fn read(&self, key: &str) -> Result<Option<SiteFile>, DeploymentError> {
        match self.objects.get(key).await {
            Ok(found) => Ok(found.map(|(bytes, content_type)| {
                let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..16]));
                SiteFile { bytes, content_type, etag }
            })),
            Err(ObjectError::InvalidKey { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn add_view(&self, slug: &str) -> Result<(), DbErr> {
        let Some(site) = self.find_site(slug).await? else { return Ok(()) };
        let db = self.queue.db();
        published_sites::Entity::update_many()
            .col_expr(published_sites::Column::Views, Expr::col(published_sites::Column::Views).add(1))
            .filter(published_sites::Column::Slug.eq(slug))
            .exec(db)
            .await?;
        projects::Entity::update_many()
            .col_expr(projects::Column::Views, Expr::col(projects::Column::Views).add(1))
            .filter(projects::Column::Id.eq(site.project_id))
            .exec(db)
            .await?;
        Ok(())
    }
}

/// The files that a path may mean, best first; none for one that climbs or hides.
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
    if path.ends_with('/') {
        return vec![index];
    }
    let has_extension = inner.rsplit('/').next().is_some_and(|name| name.contains('.'));
    if has_extension { vec![inner.to_owned()] } else { vec![inner.to_owned(), index] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_files_and_folders_mean_their_index() {
        let table: [(&str, &[&str]); 8] = [
            ("", &["index.html"]),
            ("/", &["index.html"]),
            ("css/styles.css", &["css/styles.css"]),
            ("about/", &["about/index.html"]),
            ("about", &["about", "about/index.html"]),
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
