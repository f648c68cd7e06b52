//! A provider that says what a test told it to.

use std::{collections::VecDeque, sync::Mutex};

use async_trait::async_trait;

use super::{Callback, ExternalPerson, Flow, IdentityProvider, OAuthError};

/// Identifies people from a script, in its order; past its end it is unavailable.
#[derive(Debug, Default)]
pub struct ScriptedProvider {
    script: Mutex<VecDeque<Result<ExternalPerson, OAuthError>>>,
    flows: Mutex<Vec<(Flow, Callback)>>,
    by_post: bool,
}

impl ScriptedProvider {
    /// A provider with these answers.
    pub fn new(script: impl IntoIterator<Item = Result<ExternalPerson, OAuthError>>) -> Self {
        Self { script: Mutex::new(script.into_iter().collect()), ..Self::default() }
    }

    /// One whose browsers come back by a posted form.
    #[must_use]
    pub fn by_post(mut self) -> Self {
        self.by_post = true;
        self
    }

    /// One more answer.
    pub fn push(&self, answer: Result<ExternalPerson, OAuthError>) {
        locked(&self.script).push_back(answer);
    }

    /// What people came back with, oldest first.
    pub fn flows(&self) -> Vec<(Flow, Callback)> {
        locked(&self.flows).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[async_trait]
impl IdentityProvider for ScriptedProvider {
    async fn authorization_url(&self, flow: &Flow) -> Result<String, OAuthError> {
        Ok(format!("https://provider.example/authorize?state={}", flow.state))
    }

    async fn identify(&self, flow: &Flow, callback: &Callback) -> Result<ExternalPerson, OAuthError> {
        locked(&self.flows).push((flow.clone(), callback.clone()));
        let answer = locked(&self.script).pop_front();
        answer.unwrap_or_else(|| Err(OAuthError::Unavailable("the script has ended".to_owned())))
    }

    fn uses_form_post(&self) -> bool {
        self.by_post
    }
}
