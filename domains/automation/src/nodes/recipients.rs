//! To whom workflows write: the verified address of their owner, and nobody else. Whoever may write a
//! workflow could otherwise write to anybody in the platform's name.

use atelier_entities::users;
use atelier_foundation::validation::email_forms;

use super::call::NodeFailure;

/// Checks that all of these addresses are the owner's, and that it is verified.
///
/// # Errors
/// `ADDRESS_NOT_VERIFIED` or `RECIPIENT_REFUSED`.
pub(super) fn check(owner: &users::Model, to: &[String]) -> Result<(), NodeFailure> {
    if owner.email_verified_at.is_none() {
        let message = "The address of the account is not verified.";
        return Err(NodeFailure::permanent("ADDRESS_NOT_VERIFIED", message));
    }
    let own = email_forms(&owner.email);
    let other = to.iter().enumerate().find(|(_, to)| email_forms(to).iter().all(|form| !own.contains(form)));
    match other {
        Some((index, _)) => {
            let message =
                format!("/to/{index}: a workflow writes only to the verified address of the account itself");
            Err(NodeFailure::permanent("RECIPIENT_REFUSED", message))
        }
        None => Ok(()),
    }
}
