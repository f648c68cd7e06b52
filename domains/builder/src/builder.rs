use std::{fmt, sync::Arc};

use atelier_foundation::{Foundation, Kind, Module, projects::ProjectFolders};
use atelier_providers::{llm::ChatModel, object_store::Objects};

use crate::{
    BuilderOptions, ModuleOptions,
    deployments::{self, DeployApp, DeploymentEnded, Deployments, Publications, PublishDeployment},
    generation::{GenerateApp, Generation, GenerationEnded, RunGeneration, Terms},
    mail,
    versions::{Versions, WrittenVersions, archive_folder},
};

/// The services of the builder. Cheap to clone.
#[derive(Clone)]
pub struct Builder {
    /// Versions of projects and their code.
    pub versions: Versions,
    /// Generations.
    pub generation: Generation,
    /// Deployments.
    pub deployments: Deployments,
}

/// The external dependencies of the builder.
#[derive(Clone)]
pub struct Deps {
    /// The language model.
    pub model: Arc<dyn ChatModel>,
    /// Stores archives and published sites.
    pub objects: Objects,
}

impl Builder {
    /// Creates the services on this foundation.
    #[must_use]
    pub fn new(foundation: &Foundation, deps: Deps, options: BuilderOptions) -> Self {
        let queue = &foundation.queue;
        let Deps { model, objects } = deps;
        let BuilderOptions { generation, credits, public_url, preview_url } = options;
        Self {
            versions: Versions::new(
                queue.clone(),
                objects.clone(),
                foundation.projects.clone(),
                generation.max_versions,
            ),
            generation: Generation::new(queue.clone(), model, generation, credits),
            deployments: Deployments::new(queue.clone(), objects, &public_url, &preview_url),
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

/// The module of the builder.
#[must_use]
pub fn module(options: &ModuleOptions) -> Module<Builder> {
    let generate =
        Kind::of::<RunGeneration>(|all: &Builder, ctx, args| Box::pin(all.generation.run(ctx, args)))
            .with_effect(GenerationEnded)
            .announced_as("generation")
            .started_anew("generations", |all, actor, job| {
                Box::pin(async move { Ok(all.generation.restart(actor, job).await?) })
            });
    let publish = Kind::of::<PublishDeployment>(|all: &Builder, ctx, args| {
        Box::pin(all.deployments.publish(ctx, args))
    })
    .with_effect(DeploymentEnded::new(&options.public_url, &options.preview_url))
    .announced_as("deployment")
    .started_anew("deployments", |all, actor, job| {
        Box::pin(async move { Ok(all.deployments.restart(actor, job).await?) })
    });
    let sites = ProjectFolders::new(|tx, projects| Box::pin(deployments::list_folders(tx, projects)));
    let archives = ProjectFolders::new(|_, projects| {
        let folders = projects.iter().copied().map(archive_folder).collect();
        Box::pin(async move { Ok(folders) })
    });
    let terms = Terms { prices: options.credits, max_versions: options.max_versions };
    Module::new("builder")
        .with_kind(generate)
        .with_kind(publish)
        .with_mails(&mail::TEMPLATES)
        .with_personal_data(WrittenVersions)
        .with_personal_data(Publications)
        .with_project_folders(sites)
        .with_project_folders(archives)
        .with_action(GenerateApp { terms, max_projects: options.max_projects })
        .with_action(DeployApp)
}
