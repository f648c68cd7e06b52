use atelier_entities::{GenerationMode, ProjectKind};
use atelier_foundation::identity::PersonalStats;
use atelier_foundation::testing::acting;
use atelier_providers::llm::fake::ScriptedCompletion;

use crate::testing::{Fixture, GOOD_COMPLETION};

#[tokio::test]
async fn the_statistics_of_a_person_are_counted() {
    let fixture = Fixture::with_script([ScriptedCompletion::Text(GOOD_COMPLETION.to_owned())]).await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    fixture.generate(ada.id, project.id, None).await;
    fixture.work().await;

    let stats = fixture.services.foundation.identity.personal_stats(&acting(ada.id)).await.expect("counted");

    assert_eq!(fixture.services.builder.versions.count_owned(&acting(ada.id)).await.expect("counted"), 1);
    assert_eq!(fixture.services.builder.deployments.count_live(&acting(ada.id)).await.expect("counted"), 0);
    let price = fixture.services.foundation.credits.price(GenerationMode::Quick);
    assert_eq!(
        stats,
        PersonalStats {
            projects: 1,
            completed_projects: 1,
            credits: 10 - price,
            credits_used: price,
            ..PersonalStats::default()
        }
    );
}
