use atelier_entities::{JobId, ProjectKind};
use atelier_foundation::testing::acting;
use atelier_queue::{Job, NewJob};

use super::*;
use crate::{
    deployments::{DeploymentError, DeploymentInput, Deployments, SiteFile, SiteResponse},
    testing::Fixture,
};
use atelier_foundation::{Actor, objects::RemoveObjects};

fn preview(version: Option<i32>) -> DeploymentInput {
    DeploymentInput { platform: "preview".to_owned(), version }
}

/// A project with two versions.
async fn with_versions() -> (Fixture, projects::Model) {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    fixture.store_version(&project, 1, &[("index.html", "<p>one</p>"), ("css/a.css", "p{}")]).await;
    fixture.store_version(&project, 2, &[("index.html", "<p>two</p>")]).await;
    (fixture, project)
}

async fn site_file(deployments: &Deployments, slug: &str, path: &str) -> Option<SiteFile> {
    match deployments.show_site(slug, path, |_| false).await.expect("asked")? {
        SiteResponse::File(file) => Some(file),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn publishing_puts_a_version_online_and_the_next_one_replaces_it() {
    let (fixture, project) = with_versions().await;
    let deployments = &fixture.services.builder.deployments;
    let user = project.user_id;

    let (first, _) = deployments.start(&acting(user), project.id, preview(Some(1))).await.expect("started");
    assert!(site_file(deployments, &first.slug, "").await.is_none(), "not yet");
    fixture.work().await;
    let page = site_file(deployments, &first.slug, "/").await.expect("online");
    assert_eq!(
        (&page.bytes[..], page.content_type.as_str()),
        (&b"<p>one</p>"[..], "text/html; charset=utf-8")
    );
    let style = site_file(deployments, &first.slug, "css/a.css").await.expect("online");
    assert_eq!(style.content_type, "text/css; charset=utf-8");
    assert_ne!(style.etag, page.etag);

    let (second, _) = deployments.start(&acting(user), project.id, preview(Some(2))).await.expect("started");
    fixture.work().await;
    assert_eq!(second.slug, first.slug, "the address stays");
    let page = site_file(deployments, &first.slug, "index.html").await.expect("online");
    assert_eq!(&page.bytes[..], b"<p>two</p>");
    assert!(site_file(deployments, &first.slug, "css/a.css").await.is_none());
    assert!(fixture.objects.list_prefix(&site_folder(first.id)).await.expect("listed").is_empty(), "removed");

    let (latest, log) = deployments.status(&acting(user), project.id).await.expect("asked").expect("there");
    assert_eq!((latest.id, latest.status, log.len()), (second.id, DeploymentStatus::Live, 2));
    let db = fixture.services.queue.db();
    let before = deployments::Entity::find_by_id(first.id).one(db).await.expect("asked").expect("there");
    assert_eq!(before.status, DeploymentStatus::Superseded);
    assert_eq!(fixture.project(&project).await.deployment_url, latest.url);
    assert_eq!(latest.url, Some(format!("https://atelier.example/preview/{}/", first.slug)));
    let subjects = fixture.subjects_to("ada@example.org");
    assert_eq!(subjects.iter().filter(|subject| subject.contains("is online")).count(), 2);
}

#[tokio::test]
async fn views_are_counted_on_site_and_project() {
    let (fixture, project) = with_versions().await;
    let deployments = &fixture.services.builder.deployments;
    let started = deployments.start(&acting(project.user_id), project.id, preview(Some(1))).await;
    let (deployment, _) = started.expect("started");
    fixture.work().await;

    deployments.count_view(&deployment.slug);
    deployments.count_view(&deployment.slug);
    deployments.count_view("no-such-site");
    assert_eq!(fixture.project(&project).await.views, 0, "not written yet");
    deployments.write_views().await;
    deployments.write_views().await;

    assert_eq!(fixture.project(&project).await.views, 2);
    let stats =
        fixture.services.foundation.identity.user_stats(&acting(project.user_id)).await.expect("stats");
    assert_eq!((stats.total_projects, stats.total_views), (1, 2));
}

#[tokio::test]
async fn files_copied_after_the_end_of_their_deployment_are_removed() {
    let (fixture, project) = with_versions().await;
    let (services, user) = (&fixture.services, project.user_id);
    let start = async |version| {
        let started =
            services.builder.deployments.start(&acting(user), project.id, preview(Some(version))).await;
        started.expect("started")
    };
    let late = async |deployment: &deployments::Model| {
        let key = format!("{}/late.html", site_folder(deployment.id));
        fixture.objects.put(&key, "late".into(), "text/html").await.expect("put");
        services.builder.deployments.remove_unwanted(deployment.id).await.expect("looked");
        fixture.objects.get(&key).await.expect("asked").is_some()
    };

    let (live, _) = start(1).await;
    assert!(late(&live).await, "it is under way");
    fixture.work().await;
    let (cancelled, job) = start(2).await;
    services.queue.cancel(job.id, None).await.expect("cancelled");
    assert!(late(&live).await && !late(&cancelled).await);
    services.foundation.projects.delete(&acting(user), project.id).await.expect("deleted");

    assert!(!late(&live).await, "the project is gone");
}

#[tokio::test]
async fn a_deployment_needs_an_existing_version_and_platform() {
    let (fixture, project) = with_versions().await;
    let deployments = &fixture.services.builder.deployments;
    let actor = acting(project.user_id);
    let start = |input| deployments.start(&actor, project.id, input);
    let on = |platform: &str| DeploymentInput { platform: platform.to_owned(), version: Some(1) };

    assert!(matches!(start(preview(None)).await, Err(DeploymentError::NoVersion)), "none is current");
    assert!(matches!(start(preview(Some(9))).await, Err(DeploymentError::NoVersion)));
    assert!(matches!(start(on("vercel")).await, Err(DeploymentError::PlatformUnavailable("vercel"))));
    assert!(matches!(start(on("nowhere")).await, Err(DeploymentError::InvalidInput(_))));
    let (_, job) = start(preview(Some(1))).await.expect("started");
    let second = start(preview(Some(2))).await;
    assert!(matches!(second, Err(DeploymentError::AlreadyRunning(id)) if id == job.id));
}

#[tokio::test]
async fn a_cancelled_deployment_keeps_the_live_site() {
    let (fixture, project) = with_versions().await;
    let deployments = &fixture.services.builder.deployments;
    let actor = acting(project.user_id);
    let start = |version| deployments.start(&actor, project.id, preview(Some(version)));
    let (first, _) = start(1).await.expect("started");
    fixture.work().await;

    let (second, job) = start(2).await.expect("started");
    fixture.services.queue.cancel(job.id, None).await.expect("cancelled");
    fixture.work().await;

    let (latest, _) = deployments.status(&actor, project.id).await.expect("asked").expect("there");
    assert_eq!((latest.id, latest.status), (second.id, DeploymentStatus::Cancelled));
    let page = site_file(deployments, &first.slug, "").await.expect("online");
    assert_eq!(&page.bytes[..], b"<p>one</p>");
}

/// Keeps the object store unavailable until every attempt has failed.
async fn fail(fixture: &Fixture, job: JobId) {
    fixture.lose_objects();
    for _ in 0..PublishDeployment::policy().max_attempts {
        fixture.work().await;
        fixture.advance(120);
    }
    fixture.find_objects();
    assert_eq!(fixture.job(job).await.state, JobState::Failed);
}

#[tokio::test]
async fn what_a_failed_deployment_left_is_removed_after_its_retry_without_the_site() {
    let (fixture, project) = with_versions().await;
    let (services, actor, user) = (&fixture.services, Actor::anonymous(), project.user_id);
    let started = services.builder.deployments.start(&acting(user), project.id, preview(Some(1))).await;
    let (first, job) = started.expect("started");
    fail(&fixture, job.id).await;

    let ended = fixture.job(job.id).await;
    let next = services.builder.deployments.restart(&actor, &ended).await.expect("again");
    let removals = fixture.jobs_of_kind("maintenance.remove_objects").await;
    fixture.work().await;
    for removal in &removals {
        let late: RemoveObjects = serde_json::from_value(removal.args.clone()).expect("prefixes");
        services.queue.enqueue(NewJob::of(&late)).await.expect("enqueued");
    }
    fixture.work().await;

    assert_eq!((next.id == job.id, fixture.job(next.id).await.state), (false, JobState::Succeeded));
    assert_eq!(removals.len(), 1);
    assert_eq!(removals[0].args["prefixes"], json!([site_folder(first.id)]));
    let page = site_file(&services.builder.deployments, &first.slug, "").await.expect("online");
    assert_eq!(&page.bytes[..], b"<p>one</p>");
    let (latest, _) =
        services.builder.deployments.status(&acting(user), project.id).await.expect("asked").expect("there");
    assert_eq!((latest.status, latest.version_number, latest.slug), (DeploymentStatus::Live, 1, first.slug));
    let db = services.queue.db();
    let before = deployments::Entity::find_by_id(first.id).one(db).await.expect("asked").expect("there");
    assert_eq!(before.status, DeploymentStatus::Failed, "what became of the first one is kept");
}

#[tokio::test]
async fn the_retry_of_an_ended_deployment_is_a_new_deployment() {
    let (fixture, project) = with_versions().await;
    let (services, actor, user) = (&fixture.services, Actor::anonymous(), project.user_id);
    let started = services.builder.deployments.start(&acting(user), project.id, preview(Some(1))).await;
    let (_, job) = started.expect("started");
    let retry = async || services.builder.deployments.restart(&actor, &fixture.job(job.id).await).await;

    let early = retry().await;
    services.queue.cancel(job.id, Some(user)).await.expect("cancelled");
    let next = retry().await.expect("again");
    let twice = retry().await;

    assert!(matches!(early, Err(DeploymentError::Queue(_))), "{early:?}");
    assert_eq!((next.owner_id, next.subject_id), (Some(user), Some(project.id.0)));
    assert!(matches!(twice, Err(DeploymentError::AlreadyRunning(id)) if id == next.id), "{twice:?}");
}

#[tokio::test]
async fn an_ended_deployment_is_not_published_again() {
    let (fixture, project) = with_versions().await;
    let (services, user) = (&fixture.services, project.user_id);
    let started = services.builder.deployments.start(&acting(user), project.id, preview(Some(1))).await;
    let (deployment, job) = started.expect("started");
    services.queue.cancel(job.id, None).await.expect("cancelled");

    services.queue.retry(job.id, None).await.expect("run again");
    fixture.work().await;

    assert_eq!(fixture.job(job.id).await.error.expect("an error")["code"], "DEPLOYMENT_ENDED");
    let (latest, _) =
        services.builder.deployments.status(&acting(user), project.id).await.expect("asked").expect("there");
    assert_eq!((latest.status, latest.error), (DeploymentStatus::Cancelled, None));
    assert!(site_file(&services.builder.deployments, &deployment.slug, "").await.is_none());
}

#[tokio::test]
async fn a_deployment_with_unreadable_args_still_ends() {
    let (fixture, project) = with_versions().await;
    let (services, user) = (&fixture.services, project.user_id);
    let actor = acting(user);
    let start = || services.builder.deployments.start(&actor, project.id, preview(Some(1)));
    let status = async || {
        let latest = services.builder.deployments.status(&actor, project.id).await.expect("asked");
        latest.expect("there").0.status
    };

    let (_, job) = start().await.expect("started");
    fixture.make_unreadable(job.id).await;
    fixture.work().await;
    assert_eq!(
        (fixture.job(job.id).await.state, status().await),
        (JobState::Failed, DeploymentStatus::Failed)
    );

    let (_, job) = start().await.expect("the project is free again");
    fixture.make_unreadable(job.id).await;
    services.queue.cancel(job.id, Some(user)).await.expect("cancelled");
    assert_eq!(status().await, DeploymentStatus::Cancelled);

    let (_, job) = start().await.expect("the project is free again");
    fixture.make_unreadable(job.id).await;
    services.foundation.projects.delete(&actor, project.id).await.expect("deleted");
    assert_eq!(fixture.job(job.id).await.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_file_with_a_matching_entity_tag_is_not_read() {
    let (fixture, project) = with_versions().await;
    let deployments = &fixture.services.builder.deployments;
    let started = deployments.start(&acting(project.user_id), project.id, preview(Some(1))).await;
    let (deployment, _) = started.expect("started");
    fixture.work().await;
    let page = site_file(deployments, &deployment.slug, "").await.expect("online");
    fixture.objects.delete_prefix(&site_folder(deployment.id)).await.expect("deleted");

    let has = |etag: &str| etag == page.etag;
    let again = deployments.show_site(&deployment.slug, "index.html", has).await.expect("asked");
    let other = deployments.show_site(&deployment.slug, "css/a.css", has).await.expect("asked");

    assert_eq!((again, other), (Some(SiteResponse::Unchanged(page.etag.clone())), None));
}
