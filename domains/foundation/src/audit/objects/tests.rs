use sea_orm::PaginatorTrait;

use super::*;
use crate::testing::Fixture;

const HOUR: i64 = 3_600;

async fn write(fixture: &Fixture) -> Object {
    fixture
        .services
        .audit
        .write_object(fixture.services.queue.now(), "{}\n".to_owned())
        .await
        .expect("written")
}

async fn is_there(fixture: &Fixture, object: &Object) -> bool {
    fixture.objects.get(&object.key).await.expect("asked").is_some()
}

async fn listed(fixture: &Fixture) -> u64 {
    audit_loose_objects::Entity::find().count(fixture.services.queue.db()).await.expect("counted")
}

async fn attach_object(fixture: &Fixture, object: &Object) -> bool {
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    let claimed = attach(&tx, &object.key).await.expect("asked");
    tx.commit().await.expect("committed");
    claimed
}

#[tokio::test]
async fn a_loose_object_is_deleted_once_its_writer_must_have_stopped() {
    let fixture = Fixture::new().await;
    let (lost, named) = (write(&fixture).await, write(&fixture).await);
    assert!(attach_object(&fixture, &named).await);

    fixture.services.audit.sweep().await.expect("swept");
    assert!(is_there(&fixture, &lost).await, "it may be named any moment");
    fixture.advance(2 * HOUR);
    fixture.services.audit.sweep().await.expect("swept");

    assert!(!is_there(&fixture, &lost).await && is_there(&fixture, &named).await);
    assert!(!attach_object(&fixture, &lost).await, "who comes back late names it no more");
}

#[tokio::test]
async fn a_late_put_is_deleted_by_the_next_sweep() {
    let fixture = Fixture::new().await;
    let object = write(&fixture).await;
    fixture.services.audit.discard(&object).await.expect("discarded");
    assert!(!is_there(&fixture, &object).await && !attach_object(&fixture, &object).await);
    fixture.objects.put(&object.key, Bytes::from_static(b"{}\n"), CONTENT_TYPE).await.expect("put");

    fixture.services.audit.sweep().await.expect("swept");
    assert!(!is_there(&fixture, &object).await);
    assert_eq!(listed(&fixture).await, 1, "it is looked for again");

    fixture.advance(24 * HOUR);
    fixture.services.audit.sweep().await.expect("swept");
    assert_eq!(listed(&fixture).await, 0);
}
