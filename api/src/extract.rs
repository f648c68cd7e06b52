//! Extractors: the authenticated person, validated bodies and parameters, the client's
//! address. A rejection always has the error shape.

mod accept;
mod actor;
mod body;
mod client_address;
mod hook_call;
mod if_match;
mod owned;
mod pagination;
mod parameters;

pub(crate) use accept::{accepts_gzip, if_none_match, preferences, preferred_locale};
pub(crate) use actor::{Admin, Anyone, Authenticated, Bearer, UserSession, Verified, origin, user_agent};
pub(crate) use body::{JsonBody, OptionalJsonBody};
pub(crate) use client_address::{ClientAddress, client_address};
pub(crate) use hook_call::HookCall;
pub(crate) use if_match::{IfMatch, revision_tag};
pub(crate) use owned::{
    OwnIntegration, OwnProject, OwnRun, OwnSchedule, OwnWebhook, OwnWorkflow, VisibleJob, get_job,
};
pub(crate) use pagination::{PageParams, Pagination};
pub(crate) use parameters::{ApiPath, ApiQuery};
