//! Credits.

use atelier_entities::GenerationMode;
use atelier_foundation::COUNT_LIMIT;
use axum::{Json, extract::State, response::Response};

use crate::{
    dto::billing::credits::{BalanceView, CreditTransactionView},
    error::ApiError,
    extract::{Authenticated, PageParams, Pagination},
    route::{Routes, operation, routes},
    state::ApiState,
};

const TAG: &str = "Credits";

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(get_balance)).add(routes!(list_credit_history))
}

/// What the caller may spend, and what generations cost.
#[operation(
    get, path = "/api/credits/balance", operation_id = "get_credit_balance", tag = TAG,
    responses((status = 200, description = "The balance.", body = BalanceView))
)]
async fn get_balance(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
) -> Result<Json<BalanceView>, ApiError> {
    let credits = &state.services.foundation.credits;
    Ok(Json(BalanceView {
        total: credits.balance(&actor).await?,
        quick_price: credits.price(GenerationMode::Quick),
        advanced_price: credits.price(GenerationMode::Advanced),
    }))
}

/// Every change of the caller's balance, newest first.
#[operation(
    get, path = "/api/credits/history", tag = TAG, params(PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<CreditTransactionView>
    ))
)]
async fn list_credit_history(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let (rows, total) = state.services.foundation.credits.history(&actor, pagination.page()).await?;
    let views: Vec<CreditTransactionView> = rows.into_iter().map(CreditTransactionView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}
