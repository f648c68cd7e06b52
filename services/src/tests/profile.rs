use atelier_entities::{GenerationMode, ProjectKind};
use atelier_foundation::identity::PersonalStats;
use atelier_foundation::testing::acting;
use atelier_providers::llm::fake::ScriptedCompletion;

use crate::testing::{Bench, GOOD_COMPLETION};

#[tokio::test]
async fn the_statistics_of_a_person_are_counted() {
    let bench = Bench::with_script([ScriptedCompletion::Text(GOOD_COMPLETION.to_owned())]).await;
    let ada = bench.register("ada@example.org").await;
    let project = bench.create_project(ada.id, ProjectKind::WebApp).await;
    bench.generate(ada.id, project.id, None).await;
    bench.work().await;

    let stats = bench.services.foundation.identity.personal_stats(&acting(ada.id)).await.expect("counted");

    assert_eq!(bench.services.builder.versions.count_owned(&acting(ada.id)).await.expect("counted"), 1);
    assert_eq!(bench.services.builder.deployments.count_live(&acting(ada.id)).await.expect("counted"), 0);
    let price = bench.services.foundation.credits.price(GenerationMode::Quick);
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
