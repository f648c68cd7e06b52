use atelier_entities::{ProjectId, workflows};
use atelier_foundation::{Actor, FieldErrors, Page, paging::fetch, validation};
use sea_orm::{
    ColumnTrait, Condition, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, Func, LikeExpr},
};

use super::{MAX_NAME, WorkflowError, Workflows};

/// Which workflows a list has.
#[derive(Clone, Debug, Default)]
pub struct WorkflowFilter {
    /// Those of a project.
    pub project: Option<ProjectId>,
    /// Those whose triggers fire, or do not.
    pub enabled: Option<bool>,
    /// Those whose names contain this text of one line and at most [`MAX_NAME`] characters, in
    /// any case. A blank text is ignored.
    pub search: Option<String>,
}

impl Workflows {
    /// The person's workflows, newest first, and their number, up to
    /// [`COUNT_LIMIT`](atelier_foundation::COUNT_LIMIT).
    ///
    /// # Errors
    /// [`WorkflowError::InvalidInput`] names a search that no name can contain.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: WorkflowFilter,
        page: Page,
    ) -> Result<(Vec<workflows::Model>, u64), WorkflowError> {
        let user = actor.person()?;
        let search = filter.search.as_deref().filter(|text| !text.trim().is_empty());
        let search = search.map(|text| validation::line(text, 1, MAX_NAME)).transpose();
        let search = search.map_err(|message| FieldErrors::of("search", message))?;
        let condition = Condition::all()
            .add_option(filter.project.map(|project| workflows::Column::ProjectId.eq(project)))
            .add_option(filter.enabled.map(|enabled| workflows::Column::Enabled.eq(enabled)))
            .add_option(search.as_deref().map(matches));
        let rows = workflows::Entity::find_owned(user).filter(condition).order_by_desc(workflows::Column::Id);
        Ok(fetch(self.queue.db(), rows, page).await?)
    }
}

/// SQLite folds only ASCII letters, so a name is also searched as it was typed.
fn matches(text: &str) -> Condition {
    let pattern = |text: &str| LikeExpr::new(contains(text)).escape('\\');
    let name = || Expr::col(workflows::Column::Name);
    Condition::any()
        .add(Expr::expr(Func::lower(name())).like(pattern(&text.to_lowercase())))
        .add(name().like(pattern(text)))
}

/// A LIKE pattern for a literal substring.
fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}
