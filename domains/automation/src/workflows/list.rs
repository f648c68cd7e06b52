use atelier_entities::{ProjectId, workflows};
use atelier_foundation::{Actor, Page, paging::fetch};
use sea_orm::{
    ColumnTrait, Condition, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, Func, LikeExpr},
};

use super::{WorkflowError, Workflows};

/// Which workflows a list has.
#[derive(Clone, Debug, Default)]
pub struct WorkflowFilter {
    /// Those of a project.
    pub project: Option<ProjectId>,
    /// Those whose triggers fire, or do not.
    pub enabled: Option<bool>,
    /// Those whose names contain this text, in any case.
    pub search: Option<String>,
}

impl Workflows {
    /// The person's workflows, newest first, and their number, up to
    /// [`COUNT_LIMIT`](atelier_foundation::COUNT_LIMIT).
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: WorkflowFilter,
        page: Page,
    ) -> Result<(Vec<workflows::Model>, u64), WorkflowError> {
        let user = actor.person()?;
        let condition = Condition::all()
            .add_option(filter.project.map(|project| workflows::Column::ProjectId.eq(project)))
            .add_option(filter.enabled.map(|enabled| workflows::Column::Enabled.eq(enabled)))
            .add_option(filter.search.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(matches));
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
