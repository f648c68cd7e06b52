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

async fn attach_object(bench: &Bench, object: &Object) -> bool {
    let tx = bench.services.queue.begin().await.expect("a transaction");
    let claimed = attach(&tx, &object.key).await.expect("asked");
    tx.commit().await.expect("committed");
    claimed
}

#[tokio::test]
async fn a_loose_object_is_deleted_once_its_writer_must_have_stopped() {
    let bench = Bench::new().await;
    let (lost, named) = (write(&bench).await, write(&bench).await);
    assert!(attach_object(&bench, &named).await);

    bench.services.audit.sweep().await.expect("swept");
    assert!(is_there(&bench, &lost).await, "it may be named any moment");
    bench.advance(2 * HOUR);
    bench.services.audit.sweep().await.expect("swept");

    assert!(!is_there(&bench, &lost).await && is_there(&bench, &named).await);
    assert!(!attach_object(&bench, &lost).await, "who comes back late names it no more");
}

#[tokio::test]
async fn a_late_put_is_deleted_by_the_next_sweep() {
    let bench = Bench::new().await;
    let object = write(&bench).await;
    bench.services.audit.discard(&object).await.expect("discarded");
    assert!(!is_there(&bench, &object).await && !attach_object(&bench, &object).await);
    bench.objects.put(&object.key, Bytes::from_static(b"{}\n"), CONTENT_TYPE).await.expect("put");

    bench.services.audit.sweep().await.expect("swept");
    assert!(!is_there(&bench, &object).await);
    assert_eq!(listed(&bench).await, 1, "it is looked for again");

    bench.advance(24 * HOUR);
    bench.services.audit.sweep().await.expect("swept");
    assert_eq!(listed(&bench).await, 0);
}
