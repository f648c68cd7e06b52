//! Projects, their versions and their code.

use std::collections::BTreeMap;

use atelier_builder::{generation::GenerationInput, parts::AppParts};
use atelier_entities::{
    GenerationMode, ProjectKind, ProjectStack, ProjectStatus, project_versions, projects,
};
use atelier_foundation::projects::{NewProject, ProjectChanges};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    dto::jobs::JobView,
    schema::{
        ToSchema,
        free::{FileTree, JsonObject},
        sets,
    },
};

/// A new project.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateProjectInput {
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120, example = "Reading list")]
    title: String,
    /// What to build, at most 5,000 characters.
    #[serde(default)]
    #[schema(max_length = 5000, example = "Books with authors, ratings and a search box")]
    description: String,
    /// What it is to be; web_app where it is left out.
    #[serde(rename = "type", default = "web_app")]
    #[schema(value_type = sets::ProjectKind)]
    kind: ProjectKind,
}

const fn web_app() -> ProjectKind {
    ProjectKind::WebApp
}

impl From<CreateProjectInput> for NewProject {
    fn from(input: CreateProjectInput) -> Self {
        Self { title: input.title, description: input.description, kind: input.kind }
    }
}

/// What to change of a project; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UpdateProjectInput {
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    title: Option<String>,
    /// At most 5,000 characters.
    #[schema(max_length = 5000)]
    description: Option<String>,
    /// How far it is, as its owner sees it.
    #[schema(value_type = Option<sets::SettableProjectStatus>)]
    status: Option<ProjectStatus>,
}

impl From<UpdateProjectInput> for ProjectChanges {
    fn from(input: UpdateProjectInput) -> Self {
        Self { title: input.title, description: input.description, status: input.status }
    }
}

/// A project.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectView {
    /// UUIDv7.
    id: Uuid,
    /// Whose.
    user_id: Uuid,
    /// Its name.
    title: String,
    /// What it is to be.
    description: String,
    /// What it is.
    #[serde(rename = "type")]
    #[schema(value_type = sets::ProjectKind)]
    kind: ProjectKind,
    /// How far it is.
    #[schema(value_type = sets::ProjectStatus)]
    status: ProjectStatus,
    /// Settings.
    #[schema(value_type = JsonObject)]
    config: Value,
    /// Where its code was pushed.
    repository_url: Option<String>,
    /// Where it runs.
    deployment_url: Option<String>,
    /// Number of the version that is current.
    current_version: Option<i32>,
    /// Views of its published site.
    views: i64,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<projects::Model> for ProjectView {
    fn from(project: projects::Model) -> Self {
        Self {
            id: project.id.0,
            user_id: project.user_id.0,
            title: project.title,
            description: project.description,
            kind: project.kind,
            status: project.status,
            config: project.config,
            repository_url: project.repository_url,
            deployment_url: project.deployment_url,
            current_version: project.current_version,
            views: project.views,
            created_at: project.created_at,
            updated_at: project.updated_at,
        }
    }
}

/// One project.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectAnswer {
    /// The project.
    pub(crate) project: ProjectView,
}

/// How to generate.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct GenerateInput {
    /// How thoroughly; quick where it is left out. The balance names the prices.
    #[schema(value_type = Option<sets::GenerationMode>)]
    mode: Option<GenerationMode>,
    /// What to change of the current version; without it the application is written
    /// anew from the project's description.
    #[schema(max_length = 5000)]
    prompt: Option<String>,
    /// What to write it with; where it is left out, what the files of the current version or the
    /// words of the description tell.
    #[schema(value_type = Option<sets::ProjectStack>)]
    stack: Option<ProjectStack>,
}

impl From<GenerateInput> for GenerationInput {
    fn from(input: GenerateInput) -> Self {
        let GenerateInput { mode, prompt, stack } = input;
        Self { mode: mode.unwrap_or(GenerationMode::Quick), prompt, stack }
    }
}

/// A generation that was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct GenerationAnswer {
    /// The job; `Location` is its address.
    pub(crate) job: JobView,
    /// The project it writes.
    pub(crate) project_id: Uuid,
}

/// A kept generation.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionView {
    /// UUIDv7.
    id: Uuid,
    /// 1, 2, 3 … within the project.
    number: i32,
    /// The job that wrote it.
    job_id: Option<Uuid>,
    /// Who wrote it, such as openai or scaffold.
    #[schema(example = "scaffold")]
    provider: String,
    /// The model.
    model: String,
    /// How thoroughly it was written.
    #[schema(value_type = sets::GenerationMode)]
    mode: GenerationMode,
    /// What was asked for.
    prompt: String,
    /// What came of it, in a few words.
    summary: String,
    /// Files.
    file_count: i32,
    /// Bytes of all files.
    total_bytes: i64,
    /// When it was kept.
    created_at: DateTime<Utc>,
}

impl From<project_versions::Model> for VersionView {
    fn from(version: project_versions::Model) -> Self {
        Self {
            id: version.id.0,
            number: version.number,
            job_id: version.job_id.map(|id| id.0),
            provider: version.provider,
            model: version.model,
            mode: version.mode,
            prompt: version.prompt,
            summary: version.summary,
            file_count: version.file_count,
            total_bytes: version.total_bytes,
            created_at: version.created_at,
        }
    }
}

/// The code of one version.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeView {
    /// The project.
    project_id: Uuid,
    /// The version's number.
    version: i32,
    /// The page.
    html_code: Option<String>,
    /// Its style.
    css_code: Option<String>,
    /// Its script.
    js_code: Option<String>,
    /// The React component.
    react_code: Option<String>,
    /// The server.
    backend_code: Option<String>,
    /// Folders and files as a tree.
    #[schema(value_type = FileTree)]
    project_structure: Value,
    /// The file package.json.
    package_json: Option<String>,
    /// The file requirements.txt.
    requirements_txt: Option<String>,
    /// Every file's content by its path.
    all_files: BTreeMap<String, String>,
    /// When the version was kept.
    created_at: DateTime<Utc>,
}

impl From<(project_versions::Model, AppParts)> for CodeView {
    fn from((version, parts): (project_versions::Model, AppParts)) -> Self {
        Self {
            project_id: version.project_id.0,
            version: version.number,
            html_code: parts.html,
            css_code: parts.css,
            js_code: parts.js,
            react_code: parts.react,
            backend_code: parts.backend,
            project_structure: parts.structure,
            package_json: parts.package_json,
            requirements_txt: parts.requirements_txt,
            all_files: parts.all_files,
            created_at: version.created_at,
        }
    }
}
