use atelier_entities::{ProjectStatus, UserId, projects};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, ExprTrait, QuerySelect};

/// How many projects a person has, and how often their sites were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProjectFigures {
    /// All of them.
    pub(crate) total: u64,
    /// Those that are being worked on or are complete.
    pub(crate) active: u64,
    /// Those that are complete.
    pub(crate) completed: u64,
    /// Views of all published sites.
    pub(crate) views: u64,
}

impl ProjectFigures {
    fn add(&mut self, status: ProjectStatus, count: u64, views: u64) {
        use ProjectStatus::{Building, Completed, Generating};
        self.total += count;
        self.views += views;
        if matches!(status, Generating | Building | Completed) {
            self.active += count;
        }
        if status == Completed {
            self.completed += count;
        }
    }
}

/// The figures of a person's projects.
pub(crate) async fn figures_of(db: &impl ConnectionTrait, user: UserId) -> Result<ProjectFigures, DbErr> {
    // SUM over bigint is numeric on PostgreSQL, so it is cast back.
    let by_status = projects::Entity::find_owned(user)
        .select_only()
        .column(projects::Column::Status)
        .column_as(projects::Column::Id.count(), "count")
        .column_as(projects::Column::Views.sum().cast_as("BIGINT"), "views")
        .group_by(projects::Column::Status);
    let rows: Vec<(ProjectStatus, i64, i64)> = by_status.into_tuple().all(db).await?;
    let mut figures = ProjectFigures::default();
    for (status, count, views) in rows {
        figures.add(status, u64::try_from(count).unwrap_or(0), u64::try_from(views).unwrap_or(0));
    }
    Ok(figures)
}
