//! What handlers are given: authenticated people, checked bodies and parameters,
//! and where the request came from. A refusal is always in the error shape.

mod accept;
mod actor;
mod body;
mod client_address;
mod owned;
mod pagination;
mod parameters;

pub(crate) use accept::{accepts_gzip, asked_locale, is_unchanged, preferences};
pub(crate) use actor::{Admin, Anyone, Authenticated, Bearer, InPerson, Verified, origin, user_agent};
pub(crate) use body::{JsonBody, OptionalJsonBody};
pub(crate) use client_address::{ClientAddress, client_address};
pub(crate) use owned::{OwnProject, SeenJob};
pub(crate) use pagination::{PageParams, Pagination};
pub(crate) use parameters::{ApiPath, ApiQuery};
