//! Pages of lists with total counts.

use atelier_queue::inspect::COUNT_LIMIT;
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, FromQueryResult, Iterable, PaginatorTrait, PrimaryKeyToColumn,
    QuerySelect, Select,
};

use crate::Page;

/// The rows on that page and the number of all rows, counted up to [`COUNT_LIMIT`]: a
/// table of millions is not read to show a page of it. A page with room left is the last
/// one, and tells the number by itself. Pages count from 1.
pub async fn fetch<E, M>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    page: Page,
) -> Result<(Vec<M>, u64), DbErr>
where
    E: EntityTrait<Model = M>,
    M: FromQueryResult + Sized + Send + Sync,
{
    let key = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    // Without an order, so that the count does not sort.
    let mut some = rows.clone().select_only().columns(key).limit(COUNT_LIMIT);
    sea_orm::QueryTrait::query(&mut some).clear_order_by();
    let rows = rows.offset(page.offset()).limit(page.size).all(db).await?;
    let total = match page.total(rows.len()) {
        Some(total) => total,
        None => some.count(db).await?,
    };
    Ok((rows, total))
}

#[cfg(test)]
mod tests {
    use atelier_entities::mail_suppressions;
    use sea_orm::{ActiveValue::Set, QueryOrder};

    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn a_list_is_counted_up_to_its_bound_and_read_beyond() {
        let fixture = Fixture::new().await;
        let db = fixture.services.queue.db();
        let row = |number: u64| mail_suppressions::ActiveModel {
            address: Set(format!("{number:05}@example.org")),
            reason: Set(String::new()),
            created_at: Set(fixture.services.queue.now()),
        };
        for some in (0..=COUNT_LIMIT).collect::<Vec<_>>().chunks(5_000) {
            let insert = mail_suppressions::Entity::insert_many(some.iter().copied().map(row));
            insert.exec_without_returning(db).await.expect("inserted");
        }
        let page = async |number| {
            let rows = mail_suppressions::Entity::find().order_by_asc(mail_suppressions::Column::Address);
            let (rows, total) = fetch(db, rows, Page { number, size: 100 }).await.expect("listed");
            (rows.len(), rows.last().map(|row| row.address.clone()), total)
        };

        assert_eq!(page(1).await, (100, Some("00099@example.org".to_owned()), COUNT_LIMIT));
        assert_eq!(page(101).await, (1, Some("10000@example.org".to_owned()), COUNT_LIMIT));
        assert_eq!(page(102).await, (0, None, COUNT_LIMIT));
    }
}
