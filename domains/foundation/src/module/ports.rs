//! What the effects of a domain use of the other domains.

use std::sync::Arc;

use atelier_queue::Effects;

use super::Module;
use crate::{actions::Actions, credits::CreditListeners, job_ends::EndListener};

/// What the effects of a domain use of the other domains.
#[derive(Clone, Debug)]
pub struct EffectPorts {
    /// What workflows may start.
    pub actions: Actions,
    /// Who listens to the ends of jobs that are events.
    pub listeners: Arc<[Arc<dyn EndListener>]>,
    /// Who listens to the changes of balances of credits.
    pub credit_listeners: CreditListeners,
}

impl EffectPorts {
    /// Collects them from these modules.
    #[must_use]
    pub fn of<S>(modules: &[Module<S>]) -> Self {
        let credit_listeners = modules.iter().flat_map(|module| module.credit_listeners.clone());
        Self {
            actions: modules.iter().flat_map(|module| module.actions.clone()).collect(),
            listeners: modules.iter().flat_map(|module| module.listeners.clone()).collect(),
            credit_listeners: CreditListeners(credit_listeners.collect()),
        }
    }

    /// Offers to transactions what is used outside of effects too.
    pub fn offer_to(&self, effects: &mut Effects) {
        effects.offer(self.credit_listeners.clone());
    }
}
