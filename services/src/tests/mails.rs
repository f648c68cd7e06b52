//! The mails of every domain: each renders in every language with its sample, and reads as it
//! is kept in `domains/<name>/src/mail/templates/golden`.

use std::{collections::BTreeSet, fs, path::PathBuf};

use atelier_entities::Locale;
use atelier_foundation::{
    Module,
    mail::{Reader, Rendered, Template},
};
use serde_json::{Value, json};

use crate::{ModuleOptions, Services, modules};

/// Every kind of mail, with its domain.
fn templates() -> Vec<(&'static str, &'static Template)> {
    let of =
        |module: Module<Services>| module.mail_templates.into_iter().map(move |each| (module.name, each));
    modules(&ModuleOptions::default()).into_iter().flat_map(of).collect()
}

fn reader(template: &Template, locale: Locale) -> Reader<'static> {
    let unsubscribe = template.category().map(|_| "https://atelier.example/unsubscribe/AQEx");
    Reader { locale, time_zone: "Europe/Paris", public_url: "https://atelier.example", unsubscribe }
}

fn render(template: &Template, locale: Locale, data: &Value) -> Rendered {
    template.render(&reader(template, locale), data).expect("rendered")
}

#[test]
fn every_mail_is_named_once() {
    let names: BTreeSet<_> = templates().iter().map(|(_, template)| template.name()).collect();

    assert_eq!(names.len(), templates().len());
}

/// Where each version of each mail is kept, and what it is.
fn versions() -> Vec<(PathBuf, String)> {
    let mut versions = Vec::new();
    for (domain, template) in templates() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../domains").join(domain);
        let folder = folder.join("src/mail/templates/golden");
        for locale in Locale::ALL.iter().copied() {
            let mail = render(template, locale, &template.sample());
            let name = |kind| folder.join(format!("{}.{locale}.{kind}", template.name()));
            versions.push((name("txt"), format!("Subject: {}\n\n{}\n", mail.subject, mail.text)));
            versions.push((name("html"), format!("{}\n", mail.html)));
        }
    }
    versions
}

#[test]
fn every_mail_reads_as_it_is_kept() {
    for (file, expected) in versions() {
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(kept, expected, "{}: see keep_every_mail_as_it_reads", file.display());
    }
}

#[test]
fn every_kept_version_is_of_a_mail() {
    let versions: BTreeSet<_> = versions().into_iter().map(|(file, _)| file).collect();
    let folders: BTreeSet<_> = versions.iter().filter_map(|file| file.parent()).collect();
    for folder in folders {
        for kept in fs::read_dir(folder).expect("a folder").map(|kept| kept.expect("a file").path()) {
            assert!(versions.contains(&kept), "{}", kept.display());
        }
    }
}

#[test]
#[ignore = "writes the kept versions after a change of the templates"]
fn keep_every_mail_as_it_reads() {
    for (file, text) in versions() {
        fs::write(&file, text).expect("written");
    }
}

#[test]
fn every_mail_renders_in_every_language() {
    for (_, template) in templates() {
        for locale in Locale::ALL.iter().copied() {
            let mail = render(template, locale, &template.sample());
            assert!(!mail.subject.is_empty() && !mail.subject.contains('\n'), "{template:?}");
            assert!(mail.text.contains("Ada Lovelace") && mail.html.contains("Ada Lovelace"), "{template:?}");
            assert!(mail.html.contains(&format!("<html lang=\"{locale}\">")), "{template:?}");
            assert!(!mail.text.contains("{{") && !mail.html.contains("{{"), "{template:?}");
            assert_eq!(mail.text.contains("/unsubscribe/"), !template.is_transactional(), "{template:?}");
            assert_eq!(mail.html.contains("unsubscribe"), !template.is_transactional(), "{template:?}");
        }
    }
}

#[test]
fn what_must_be_told_cannot_be_unsubscribed_from() {
    let transactional: Vec<_> = templates()
        .into_iter()
        .map(|(_, each)| each)
        .filter(|each| each.is_transactional())
        .map(Template::name)
        .collect();
    assert_eq!(
        transactional,
        [
            "welcome",
            "confirm_email",
            "reset_password",
            "password_changed",
            "email_changed",
            "operator_added",
            "api_token_created",
            "account_exists",
            "provider_linked",
            "provider_unlinked",
            "account_deactivated",
            "webhook_disabled",
            "payment_receipt"
        ]
    );
}

/// Values that are no text of a person.
const TYPED: [&str; 5] = ["day", "paid_at", "currency", "expires_at", "failing_since"];

/// Every text within, replaced.
fn replace_texts(value: &mut Value, with: &str) {
    match value {
        Value::String(text) => with.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(|value| replace_texts(value, with)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace_texts(value, with)),
        _ => {}
    }
}

#[test]
fn values_cannot_write_html_or_headers() {
    let nasty = "<script>alert(1)</script>\"'\r\nBcc: x";
    for (_, template) in templates() {
        let mut data = template.sample();
        let typed: Vec<_> = TYPED.map(|name| data.get(name).cloned()).to_vec();
        replace_texts(&mut data, nasty);
        for (name, value) in TYPED.into_iter().zip(typed) {
            if let Some(value) = value {
                data[name] = value;
            }
        }
        for locale in Locale::ALL.iter().copied() {
            let mail = render(template, locale, &data);
            assert!(!mail.html.contains("<script>"), "{template:?}");
            assert!(mail.html.contains("&lt;script&gt;"), "{template:?}");
            assert!(!mail.html.contains("alert(1)</script>\""), "{template:?}");
            assert!(!mail.subject.contains(['\r', '\n']), "{template:?}");
        }
    }
}

#[test]
fn a_missing_value_is_an_error() {
    for (_, template) in templates() {
        assert!(template.render(&reader(template, Locale::En), &json!({})).is_err(), "{template:?}");
    }
}
