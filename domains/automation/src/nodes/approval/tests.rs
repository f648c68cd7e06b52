//! Whom approvals ask.

use atelier_foundation::testing::Fixture;

use super::*;

#[tokio::test]
async fn an_approval_asks_nobody_but_its_owner() {
    let fixture = Fixture::new().await;
    let owner = fixture.register("ada@example.org").await.id;
    let check = async |approvers: &[&str]| {
        let question = json!({"message": "Really?", "approvers": approvers});
        match check_approvers(fixture.queue().db(), owner, &question).await {
            Ok(()) => None,
            Err(AttemptError::Failed(failure)) => Some(failure.code),
            Err(other) => panic!("{other:?}"),
        }
    };

    assert_eq!(check(&[]).await, None);
    assert_eq!(check(&["ada@example.org"]).await.as_deref(), Some("ADDRESS_NOT_VERIFIED"));
    fixture.verify_address(owner).await;
    assert_eq!(check(&["ADA@example.org"]).await, None);
    for others in [&["eve@example.org"][..], &["ada@example.org", "eve@example.org"]] {
        assert_eq!(check(others).await.as_deref(), Some("RECIPIENT_REFUSED"), "{others:?}");
    }
}
