//! Pages of lists, each with how many rows there are in all.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait, Select};

use crate::Page;

/// The rows on that page and the number of all rows. Pages count from 1.
pub(crate) async fn fetch<E, M>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    page: Page,
) -> Result<(Vec<M>, u64), DbErr>
where
    E: EntityTrait<Model = M>,
    M: FromQueryResult + Sized + Send + Sync,
{
    let pages = rows.paginate(db, page.size.max(1));
    let total = pages.num_items().await?;
    let rows = pages.fetch_page(page.number.saturating_sub(1)).await?;
    Ok((rows, total))
}
