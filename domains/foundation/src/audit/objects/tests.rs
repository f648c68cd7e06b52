use sea_orm::PaginatorTrait;

use super::*;
use crate::testing::Bench;

const HOUR: i64 = 3_600;

async fn write(bench: &Bench) -> Object {
    bench.services.audit.write_object(bench.services.queue.now(), "{}\n".to_owned()).await.expect("written")
}

async fn is_there(bench: &Bench, object: &Object) -> bool {
    bench.objects.get(&object.key).await.expect("asked").is_some()
}

async fn listed(bench: &Bench) -> u64 {
    audit_loose_objects::Entity::find().count(bench.services.queue.db()).await.expect("counted")
}

async fn claims(bench: &Bench, object: &Object) -> bool {
    let tx = bench.services.queue.begin().await.expect("a transaction");
    let claimed = claim(&tx, &object.key).await.expect("asked");
    tx.commit().await.expect("committed");
    claimed
}

#[tokio::test]
async fn an_object_that_nothing_names_is_deleted_once_nobody_can_be_writing_it() {
    let bench = Bench::new().await;
    let (lost, named) = (write(&bench).await, write(&bench).await);
    assert!(claims(&bench, &named).await);

    bench.services.audit.sweep().await.expect("swept");
    assert!(is_there(&bench, &lost).await, "it may be named any moment");
    bench.advance(2 * HOUR);
    bench.services.audit.sweep().await.expect("swept");

    assert!(!is_there(&bench, &lost).await && is_there(&bench, &named).await);
    assert!(!claims(&bench, &lost).await, "who comes back late names it no more");
}

#[tokio::test]
async fn a_put_that_comes_late_is_undone_by_the_next_sweep() {
    let bench = Bench::new().await;
    let object = write(&bench).await;
    bench.services.audit.discard(&object).await.expect("discarded");
    assert!(!is_there(&bench, &object).await && !claims(&bench, &object).await);
    bench.objects.put(&object.key, Bytes::from_static(b"{}\n"), CONTENT_TYPE).await.expect("put");

    bench.services.audit.sweep().await.expect("swept");
    assert!(!is_there(&bench, &object).await);
    assert_eq!(listed(&bench).await, 1, "it is looked for again");

    bench.advance(24 * HOUR);
    bench.services.audit.sweep().await.expect("swept");
    assert_eq!(listed(&bench).await, 0);
}
