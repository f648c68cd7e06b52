//! A provider that follows the script of a test.

use std::{collections::VecDeque, sync::Mutex};

use async_trait::async_trait;

use super::{Callback, ExternalPerson, Flow, IdentityProvider, OAuthError};

/// Returns scripted results in order; after the last one it is unavailable.
#[derive(Debug, Default)]
pub struct ScriptedProvider {
    script: Mutex<VecDeque<Result<ExternalPerson, OAuthError>>>,
    flows: Mutex<Vec<(Flow, Callback)>>,
    by_post: bool,
}

impl ScriptedProvider {
    /// A provider with these results.
    pub fn new(script: impl IntoIterator<Item = Result<ExternalPerson, OAuthError>>) -> Self {
        Self { script: Mutex::new(script.into_iter().collect()), ..Self::default() }
    }

    /// A provider that redirects browsers by a form post.
    #[must_use]
    pub fn by_post(mut self) -> Self {
        self.by_post = true;
        self
    }

    /// Adds a result.
    pub fn push(&self, answer: Result<ExternalPerson, OAuthError>) {
        locked(&self.script).push_back(answer);
    }

    /// The flows and callbacks so far, oldest first.
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
