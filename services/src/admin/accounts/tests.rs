use atelier_entities::ProjectKind;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};

use super::*;
use crate::testing::Fixture;

const NEWEST: AccountOrder = AccountOrder { by: AccountSort::CreatedAt, descending: true };

#[test]
fn a_pattern_matches_its_text_literally() {
    for (text, pattern) in
        [("ada", "%ada%"), ("50%", "%50\\%%"), ("a_b", "%a\\_b%"), ("\\", "%\\\\%"), ("", "%%")]
    {
        assert_eq!(contains(text), pattern);
    }
}

#[test]
fn every_invalid_field_is_named() {
    let text = |length: usize| Some("x".repeat(length));
    let at = Some(Timestamp::UNIX_EPOCH);
    let all = AccountFilter::default;
    for (filter, field) in [
        (AccountFilter { search: text(101), ..all() }, "search"),
        (AccountFilter { search: text(1_000_000), ..all() }, "search"),
        (AccountFilter { search: Some("a\0".to_owned()), ..all() }, "search"),
        (AccountFilter { search: Some(" ".to_owned()), ..all() }, "search"),
        (AccountFilter { plan: text(41), ..all() }, "plan"),
        (AccountFilter { provider: Some("\0".to_owned()), ..all() }, "provider"),
        (AccountFilter { created_from: at, created_before: at, ..all() }, "created_before"),
    ] {
        let refused = condition(&filter, None).expect_err(field);
        assert_eq!(refused.0.keys().copied().collect::<Vec<_>>(), [field]);
    }
}

async fn names(fixture: &Fixture, filter: AccountFilter, order: AccountOrder) -> Vec<String> {
    let page = Page { number: 1, size: 10 };
    let (rows, total) = fixture.services.admin.list_accounts(&filter, order, page).await.expect("listed");
    assert_eq!(rows.len() as u64, total);
    rows.into_iter().map(|row| row.email.split('@').next().expect("a name").to_owned()).collect()
}

/// Three accounts: Ada, a verified administrator; Bob, deactivated; and one with special
/// characters.
async fn three_accounts() -> Fixture {
    let fixture = Fixture::new().await;
    for (email, name) in
        [("ada@example.org", "Ada Lovelace"), ("bob@example.org", "Bob"), ("odd_1@example.org", "100% Élise")]
    {
        fixture.advance(60);
        let mut row = fixture.register(email).await.into_active_model();
        row.full_name = Set(name.to_owned());
        row.is_admin = Set(email.starts_with("ada"));
        row.is_active = Set(!email.starts_with("bob"));
        row.email_verified_at = Set(email.starts_with("ada").then(|| fixture.services.queue.now()));
        row.last_active_at = Set(email.starts_with("bob").then(|| fixture.services.queue.now()));
        row.update(fixture.services.queue.db()).await.expect("updated");
    }
    fixture
}

#[tokio::test]
async fn each_filter_selects_matching_accounts() {
    let fixture = three_accounts().await;
    let all = AccountFilter::default;
    let search = |text: &str| AccountFilter { search: Some(text.to_owned()), ..all() };
    for (filter, expected) in [
        (all(), &["odd_1", "bob", "ada"][..]),
        (search("EXAMPLE.org"), &["odd_1", "bob", "ada"]),
        (search("lovelace"), &["ada"]),
        (search("100%"), &["odd_1"]),
        (search("%"), &["odd_1"]),
        (search("_"), &["odd_1"]),
        (search("Élise"), &["odd_1"]),
        (search("' OR 1=1 --"), &[]),
        (AccountFilter { is_admin: Some(true), ..all() }, &["ada"]),
        (AccountFilter { is_admin: Some(false), ..all() }, &["odd_1", "bob"]),
        (AccountFilter { is_active: Some(false), ..all() }, &["bob"]),
        (AccountFilter { is_verified: Some(true), ..all() }, &["ada"]),
        (AccountFilter { is_verified: Some(false), is_active: Some(true), ..all() }, &["odd_1"]),
        (AccountFilter { plan: Some("free".to_owned()), ..all() }, &["odd_1", "bob", "ada"]),
        (AccountFilter { provider: Some("google".to_owned()), ..all() }, &[]),
    ] {
        assert_eq!(names(&fixture, filter.clone(), NEWEST).await, expected, "{filter:?}");
    }
    let since = AccountFilter {
        created_from: Some(fixture.services.queue.now() - std::time::Duration::from_secs(30)),
        ..all()
    };
    assert_eq!(names(&fixture, since, NEWEST).await, ["odd_1"]);
}

#[tokio::test]
async fn every_order_goes_both_ways() {
    let fixture = three_accounts().await;
    for (by, ascending) in [
        (AccountSort::CreatedAt, ["ada", "bob", "odd_1"]),
        (AccountSort::Email, ["ada", "bob", "odd_1"]),
        (AccountSort::FullName, ["odd_1", "ada", "bob"]),
        (AccountSort::Credits, ["ada", "bob", "odd_1"]),
    ] {
        let order = |descending| AccountOrder { by, descending };
        assert_eq!(names(&fixture, AccountFilter::default(), order(false)).await, ascending, "{by:?}");
        let mut reversed = ascending;
        reversed.reverse();
        assert_eq!(names(&fixture, AccountFilter::default(), order(true)).await, reversed, "{by:?}");
    }
    for descending in [true, false] {
        let order = AccountOrder { by: AccountSort::LastActiveAt, descending };
        assert_eq!(names(&fixture, AccountFilter::default(), order).await[0], "bob", "never comes last");
    }
}

#[tokio::test]
async fn an_account_is_read_with_its_counts() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    fixture.create_project(bob.id, ProjectKind::WebApp).await;
    fixture.generate(ada.id, project.id, None).await;

    let detail = fixture.services.admin.get_account(ada.id).await.expect("there");

    let expected = AccountCounts {
        projects: 1,
        jobs: 1,
        unfinished_jobs: 1,
        sessions: 1,
        mails: 1,
        credits_used: 2,
        ..AccountCounts::default()
    };
    assert_eq!((detail.user.id, detail.counts), (ada.id, expected));
    let unknown = fixture.services.admin.get_account(UserId::new()).await;
    assert!(matches!(unknown, Err(AdminError::NotFound)));
}

#[tokio::test]
async fn an_account_older_than_the_search_window_is_found_by_its_whole_address() {
    let fixture = three_accounts().await;
    let since = fixture.services.queue.now() - std::time::Duration::from_secs(30);
    let found = async |text: &str| {
        let filter = AccountFilter { search: Some(text.to_owned()), ..AccountFilter::default() };
        let rows = users::Entity::find().filter(condition(&filter, Some(since)).expect("a filter"));
        let rows = sorted(rows, NEWEST).all(fixture.services.queue.db()).await.expect("listed");
        rows.into_iter().map(|row| row.email).collect::<Vec<_>>()
    };

    assert_eq!(found("example").await, ["odd_1@example.org"]);
    assert_eq!(found("Ada@example.org").await, ["ada@example.org"]);
    assert_eq!(found("ada").await, [""; 0]);
}

#[tokio::test]
async fn a_search_reads_the_newest_accounts_only() {
    let fixture = three_accounts().await;
    let db = fixture.services.queue.db();
    let newest = users::Entity::find_by_email(["odd_1@example.org"]).one(db).await.expect("asked");

    assert_eq!(search_window_start(db, 1).await.expect("asked"), newest.map(|row| row.created_at));
    assert_eq!(search_window_start(db, 4).await.expect("asked"), None, "all of them are read");
}
