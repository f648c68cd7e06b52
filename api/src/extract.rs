//! What handlers are given: authenticated people, checked bodies and parameters,
//! and where the request came from. A refusal is always in the error shape.

mod accept;
mod body;
mod caller;
mod client_address;
mod owned;
mod pagination;
mod parameters;

pub(crate) use accept::{accepts_gzip, asked_locale, is_unchanged, preferences};
pub(crate) use body::{JsonBody, OptionalJsonBody};
pub(crate) use caller::{Admin, Authenticated, Bearer, InPerson, RequestCaller, Verified, user_agent};
pub(crate) use client_address::{ClientAddress, client_address};
pub(crate) use owned::{OwnProject, VisibleJob, get_job};
pub(crate) use pagination::{PageParams, Pagination};
pub(crate) use parameters::{ApiPath, ApiQuery};
