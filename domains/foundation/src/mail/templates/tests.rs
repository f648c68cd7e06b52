use atelier_entities::Locale;

use super::*;
use crate::{mail::Rendered, testing};

fn render(template: &Template, locale: Locale, data: &Value) -> Rendered {
    testing::render(template, locale, data).expect("rendered")
}

#[test]
fn a_welcome_without_a_link_asks_for_nothing() {
    let mut data = WELCOME.sample();
    data.as_object_mut().expect("an object").remove("link");

    let mail = render(&WELCOME, Locale::Fr, &data);

    assert!(!mail.text.contains("Confirmez") && !mail.html.contains("Confirmez"));
    assert!(testing::render(&CONFIRM_EMAIL, Locale::Fr, &data).is_err());
}

#[test]
fn who_gets_an_account_back_learns_what_was_removed() {
    let mut data = PROVIDER_LINKED.sample();
    data["claimed"] = json!(true);

    let english = render(&PROVIDER_LINKED, Locale::En, &data);
    let french = render(&PROVIDER_LINKED, Locale::Fr, &data);

    assert_eq!(english.subject, "GitHub was linked to your account");
    assert!(english.text.contains("every other sign-in were removed"), "{}", english.text);
    assert!(french.html.contains("ont été supprimés"), "{}", french.html);
}

#[test]
fn who_gets_a_password_learns_what_else_opens_the_account() {
    let nothing = json!({"api_tokens": 0, "providers": []});
    let told = |reclaimed: bool, closed: &Value, open: &Value| {
        let data = json!({"full_name": "Ada", "reclaimed": reclaimed, "closed": closed, "open": open});
        Locale::ALL.iter().map(|locale| render(&PASSWORD_CHANGED, *locale, &data).text).collect::<String>()
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
    assert!(render(&PASSWORD_CHANGED, Locale::En, &of_the_version_before).text.contains("was changed"));
}

#[test]
fn who_did_not_register_is_told_not_to_confirm() {
    for template in [&WELCOME, &CONFIRM_EMAIL] {
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
            let mail = render(&ACCOUNT_DEACTIVATED, locale, &data);
            assert!(
                told.is_none_or(|told| mail.text.contains(told) && mail.html.contains(told)),
                "{stopped}"
            );
            let tells = mail.text.contains("stopped") || mail.text.contains("arrêté");
            assert_eq!(tells, told.is_some(), "{}", mail.text);
        }
    }
}
