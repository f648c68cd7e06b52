//! Views of published sites. They are counted in memory and written in batches, so that
//! visitors do not wait for the lock of a row.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use atelier_entities::{projects, published_sites};
use atelier_queue::QueueError;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait, sea_query::Expr};

use super::Deployments;

/// Views that are not written yet, by the slug of the site. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Views(Arc<Mutex<BTreeMap<String, i64>>>);

impl Views {
    fn add(&self, slug: &str, count: i64) {
        let mut views = self.lock();
        match views.get_mut(slug) {
            Some(sum) => *sum += count,
            None => {
                views.insert(slug.to_owned(), count);
            }
        }
    }

    fn take(&self) -> BTreeMap<String, i64> {
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deployments {
    /// Counts a view of a page. Call [`Deployments::write_views`] later.
    pub fn count_view(&self, slug: &str) {
        self.views.add(slug, 1);
    }

    /// Writes the counted views, one transaction per site. Views that cannot be written are
    /// kept for the next call.
    pub async fn write_views(&self) {
        let mut views = self.views.take();
        while let Some((slug, count)) = views.pop_first() {
            if let Err(error) = self.write_views_of(&slug, count).await {
                tracing::warn!(%error, "views were not written and are kept");
                views.insert(slug, count);
                views.iter().for_each(|(slug, count)| self.views.add(slug, *count));
                return;
            }
        }
    }

    async fn write_views_of(&self, slug: &str, count: i64) -> Result<(), QueueError> {
        let tx = self.queue.begin().await?;
        let site = published_sites::Entity::find()
            .select_only()
            .column(published_sites::Column::ProjectId)
            .filter(published_sites::Column::Slug.eq(slug))
            .into_query();
        projects::Entity::update_many()
            .col_expr(projects::Column::Views, Expr::col(projects::Column::Views).add(count))
            .filter(projects::Column::Id.in_subquery(site))
            .exec(&*tx)
            .await?;
        published_sites::Entity::update_many()
            .col_expr(published_sites::Column::Views, Expr::col(published_sites::Column::Views).add(count))
            .filter(published_sites::Column::Slug.eq(slug))
            .exec(&*tx)
            .await?;
        tx.commit().await
    }
}
