//! A fixture for the whole product, in a temporary folder.

use std::{ops::Deref, sync::Arc};

use atelier_builder::testing as builder;
use atelier_foundation::{
    identity::Registration,
    testing::{self as foundation, Assembled, effects_of},
};
use atelier_providers::{
    http::{GuardedClient, HttpOptions},
    llm::fake::{ScriptedCompletion, ScriptedModel},
    mail::{Delivery, MailError, fake::ScriptedMailer},
};

use crate::{Deps, ServiceOptions, Services, modules, registry};

pub(crate) use builder::GOOD_COMPLETION;

/// A fixture with all services.
pub(crate) struct Fixture(builder::Fixture<Services>);

impl Deref for Fixture {
    type Target = builder::Fixture<Services>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with_script([]).await
    }

    pub(crate) async fn with_script(script: impl IntoIterator<Item = ScriptedCompletion>) -> Self {
        Self::with(ScriptedModel::new(script), ScriptedMailer::new([])).await
    }

    pub(crate) async fn with_mailer(script: impl IntoIterator<Item = Result<Delivery, MailError>>) -> Self {
        Self::with(ScriptedModel::new([]), ScriptedMailer::new(script)).await
    }

    pub(crate) fn registration(email: &str) -> Registration {
        foundation::Fixture::registration(email)
    }

    async fn with(model: ScriptedModel, mailer: ScriptedMailer) -> Self {
        let builder::Options { foundation, builder } = builder::options();
        let options = ServiceOptions { foundation, builder };
        let model = Arc::new(model);
        let effects = effects_of(&modules(&(&options).into()));
        let writer = model.clone();
        let fixture = foundation::Fixture::assemble(mailer, effects, |queue, deps| {
            let atelier_foundation::Deps { mailer, objects, oauth } = deps;
            let http = GuardedClient::new(HttpOptions::default()).expect("a client");
            let deps = Deps { model: writer, mailer, objects, oauth, http };
            let services = Services::new(queue, deps, options);
            let registry = registry(&services).expect("one handler a kind");
            Assembled { foundation: services.foundation.clone(), services, registry }
        })
        .await;
        let builder = fixture.services.builder.clone();
        Self(builder::Fixture::on(fixture, builder, model))
    }
}
