use std::{fs, path::PathBuf};

use serde_json::json;

use super::*;

const URL: &str = "https://atelier.example";

fn reader(template: Template, locale: Locale) -> Reader<'static> {
    let unsubscribe = template.category().map(|_| "https://atelier.example/unsubscribe/AQEx");
    Reader { locale, time_zone: "Europe/Paris", public_url: URL, unsubscribe }
}

fn render(template: Template, locale: Locale, data: &Value) -> Rendered {
    template.render(&reader(template, locale), data).expect("rendered")
}

/// Where each version of each mail is kept, and what it is.
fn versions() -> Vec<(PathBuf, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/mail/templates/golden");
    let mut versions = Vec::new();
    for template in Template::ALL.iter().copied() {
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
#[ignore = "writes the kept versions after a change of the templates"]
fn keep_every_mail_as_it_reads() {
    for (file, text) in versions() {
        fs::write(&file, text).expect("written");
    }
}

#[test]
fn every_mail_renders_in_every_language() {
    for template in Template::ALL.iter().copied() {
        for locale in Locale::ALL.iter().copied() {
            let mail = render(template, locale, &template.sample());
            assert!(!mail.subject.is_empty() && !mail.subject.contains('\n'), "{template:?}");
            assert!(mail.text.contains("Ada Lovelace") && mail.html.contains("Ada Lovelace"), "{template:?}");
            assert!(mail.html.contains(&format!("<html lang=\"{locale}\">")), "{template:?}");
            assert!(!mail.text.contains("{{") && !mail.html.contains("{{"), "{template:?}");
            assert_eq!(mail.text.contains("/unsubscribe/"), !template.is_transactional(), "{template:?}");
            assert_eq!(mail.html.contains("unsubscribe"), !template.is_transactional(), "{template:?}");
            assert_eq!(Template::parse(template.name()), Some(template));
        }
    }
    assert_eq!(Template::parse("lunch"), None);
}

#[test]
fn what_must_be_told_cannot_be_unsubscribed_from() {
    let transactional: Vec<_> =
        Template::ALL.iter().filter(|template| template.is_transactional()).map(|each| each.name()).collect();
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
            "payment_receipt"
        ]
    );
}

#[test]
fn a_welcome_without_a_link_asks_for_nothing() {
    let mut data = Template::Welcome.sample();
    data.as_object_mut().expect("an object").remove("link");

    let mail = render(Template::Welcome, Locale::Fr, &data);

    assert!(!mail.text.contains("Confirmez") && !mail.html.contains("Confirmez"));
    let reader = reader(Template::ConfirmEmail, Locale::Fr);
    assert!(Template::ConfirmEmail.render(&reader, &data).is_err());
}

/// Values that are no text of a person.
const TYPED: [&str; 4] = ["day", "paid_at", "currency", "expires_at"];

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
    for template in Template::ALL.iter().copied() {
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
fn long_values_are_kept_whole() {
    let name = "Ünïcødé-".repeat(15);
    let mut data = Template::GenerationFailed.sample();
    data["full_name"] = json!(name);
    data["project_title"] = json!(name);

    let mail = render(Template::GenerationFailed, Locale::Fr, &data);

    assert!(mail.subject.contains(&name) && mail.text.matches(&name).count() == 2);
}

#[test]
fn a_limit_that_is_reached_says_so() {
    let mut data = Template::LimitAlert.sample();
    data["reached"] = json!(true);

    let (english, french) =
        (render(Template::LimitAlert, Locale::En, &data), render(Template::LimitAlert, Locale::Fr, &data));

    assert_eq!(english.subject, "Instagram: your limit is reached");
    assert!(english.text.contains("Instagram is blocked until tomorrow."));
    assert_eq!(french.subject, "Instagram : votre limite est atteinte");
    assert!(french.html.contains("Instagram est bloqué jusqu’à demain."));
}

#[test]
fn who_gets_an_account_back_learns_what_was_removed() {
    let mut data = Template::ProviderLinked.sample();
    data["claimed"] = json!(true);

    let english = render(Template::ProviderLinked, Locale::En, &data);
    let french = render(Template::ProviderLinked, Locale::Fr, &data);

    assert_eq!(english.subject, "GitHub was linked to your account");
    assert!(english.text.contains("every other sign-in were removed"), "{}", english.text);
    assert!(french.html.contains("ont été supprimés"), "{}", french.html);
}

#[test]
fn who_gets_a_password_learns_what_else_opens_the_account() {
    let nothing = json!({"api_tokens": 0, "providers": []});
    let told = |reclaimed: bool, closed: &Value, open: &Value| {
        let data = json!({"full_name": "Ada", "reclaimed": reclaimed, "closed": closed, "open": open});
        Locale::ALL
            .iter()
            .map(|locale| render(Template::PasswordChanged, *locale, &data).text)
            .collect::<String>()
    };

    let plain = told(false, &nothing, &nothing);
    assert!(!plain.contains("still open") && !plain.contains("deleted with it"), "{plain}");
    assert!(!plain.contains("toujours") && !plain.contains("supprimés en même temps"), "{plain}");
    let full = told(
        true,
        &json!({"api_tokens": 3, "providers": []}),
        &json!({"api_tokens": 2, "providers": ["Apple", "Google"]}),
    );
    for expected in [
        "had not been proven here before",
        "n’avait pas encore été confirmée",
        "deleted with it: 3.",
        "supprimés en même temps : 3.",
        "still open your account: 2.",
        "ouvrent toujours votre compte : 2.",
        "still open your account: Apple, Google.",
        "ouvrent toujours votre compte : Apple, Google.",
    ] {
        assert!(full.contains(expected), "{expected}: {full}");
    }
    let of_the_version_before = json!({"full_name": "Ada"});
    assert!(
        render(Template::PasswordChanged, Locale::En, &of_the_version_before).text.contains("was changed")
    );
}

#[test]
fn who_did_not_register_is_told_not_to_confirm() {
    for template in [Template::Welcome, Template::ConfirmEmail] {
        for (locale, told) in [(Locale::En, "do not confirm"), (Locale::Fr, "ne confirmez pas")] {
            let mail = render(template, locale, &template.sample());
            assert!(mail.text.contains(told) && mail.html.contains(told), "{template:?} {locale}");
        }
    }
}

#[test]
fn a_deactivation_tells_how_much_was_stopped() {
    for (stopped, english, french) in [
        (0, None, None),
        (1, Some("One generation or deployment was stopped."), Some("Une génération ou un déploiement")),
        (2, Some("2 generations and deployments were stopped."), Some("2 générations et déploiements")),
    ] {
        let data = json!({"full_name": "Ada", "stopped": stopped});
        for (locale, told) in [(Locale::En, english), (Locale::Fr, french)] {
            let mail = render(Template::AccountDeactivated, locale, &data);
            assert!(
                told.is_none_or(|told| mail.text.contains(told) && mail.html.contains(told)),
                "{stopped}"
            );
            let tells = mail.text.contains("stopped") || mail.text.contains("arrêté");
            assert_eq!(tells, told.is_some(), "{}", mail.text);
        }
    }
}

#[test]
fn a_receipt_in_another_currency_has_its_own_digits() {
    let mut data = Template::PaymentReceipt.sample();
    data["currency"] = json!("JPY");
    data["tax_minor"] = Value::Null;
    data["method"] = Value::Null;

    let english = render(Template::PaymentReceipt, Locale::En, &data);
    assert!(english.text.contains("Total: ¥123,450\n"), "{}", english.text);
    assert!(!english.text.contains("tax") && !english.text.contains("Paid by"));
    let french = render(Template::PaymentReceipt, Locale::Fr, &data);
    assert!(french.text.contains("Total : 123\u{202f}450\u{a0}JPY"), "{}", french.text);
    data["currency"] = json!("yen");
    let reader = reader(Template::PaymentReceipt, Locale::En);
    assert!(Template::PaymentReceipt.render(&reader, &data).is_err());
}

#[test]
fn a_missing_value_is_an_error() {
    for template in Template::ALL.iter().copied() {
        assert!(template.render(&reader(template, Locale::En), &json!({})).is_err(), "{template:?}");
    }
}
