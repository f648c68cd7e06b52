use serde_json::json;

use super::*;

const URL: &str = "https://atelier.example";

fn data() -> Value {
    json!({
        "full_name": "Ada Lovelace",
        "credits": 10,
        "project_id": "0190-project",
        "project_title": "Reading list",
        "version": 2,
        "files": 5,
        "reason": "the model server took too long",
        "link": "https://atelier.example/verify-email#token=dG9rZW4",
        "url": "https://atelier.example/preview/reading-list-1/",
    })
}

#[test]
fn every_mail_renders_in_every_language() {
    for template in Template::ALL {
        for locale in Locale::ALL {
            let mail = template.render(*locale, &data(), URL).expect("rendered");
            assert!(!mail.subject.is_empty() && !mail.subject.contains('\n'), "{template:?}");
            assert!(mail.text.contains("Ada Lovelace") && mail.html.contains("Ada Lovelace"), "{template:?}");
            assert!(mail.html.contains(&format!("<html lang=\"{locale}\">")), "{template:?}");
            assert!(!mail.text.contains("{{") && !mail.html.contains("{{"), "{template:?}");
            assert_eq!(Template::parse(template.name()), Some(template));
        }
    }
}

#[test]
fn the_welcome_mail_reads_as_it_should() {
    let mail = Template::Welcome.render(Locale::En, &data(), URL).expect("rendered");

    assert_eq!(mail.subject, "Welcome to Atelier");
    assert_eq!(
        mail.text,
        "Hello Ada Lovelace,\n\n\
         Your account is ready, with 10 credits to begin with.\n\n\
         Describe an application in a few words, and Atelier writes it for you.\n\n\
         Open Atelier: https://atelier.example\n\n\
         Confirm that this address is yours, within 48 hours: \
         https://atelier.example/verify-email#token=dG9rZW4\n\n\
         --\nYou receive this mail because you have an account at Atelier."
    );
}

#[test]
fn the_subjects_read_as_they_should() {
    let table = [
        (Template::Welcome, Locale::Fr, "Bienvenue chez Atelier"),
        (Template::ConfirmEmail, Locale::En, "Confirm your mail address"),
        (Template::ConfirmEmail, Locale::Fr, "Confirmez votre adresse"),
        (Template::ResetPassword, Locale::En, "Choose another password"),
        (Template::ResetPassword, Locale::Fr, "Choisissez un autre mot de passe"),
        (Template::PasswordChanged, Locale::En, "Your password was changed"),
        (Template::PasswordChanged, Locale::Fr, "Votre mot de passe a été modifié"),
        (Template::GenerationFinished, Locale::En, "“Reading list” is ready"),
        (Template::GenerationFinished, Locale::Fr, "« Reading list » est prête"),
        (Template::GenerationFailed, Locale::En, "“Reading list” could not be generated"),
        (Template::GenerationFailed, Locale::Fr, "« Reading list » n’a pas pu être générée"),
        (Template::DeploymentFinished, Locale::En, "“Reading list” is online"),
        (Template::DeploymentFinished, Locale::Fr, "« Reading list » est en ligne"),
    ];
    for (template, locale, subject) in table {
        assert_eq!(template.render(locale, &data(), URL).expect("rendered").subject, subject);
    }
}

#[test]
fn links_are_mailed_as_they_are_kept() {
    for (template, locale, text, html) in [
        (
            Template::ConfirmEmail,
            Locale::En,
            include_str!("golden/confirm_email.en.txt"),
            include_str!("golden/confirm_email.en.html"),
        ),
        (
            Template::ConfirmEmail,
            Locale::Fr,
            include_str!("golden/confirm_email.fr.txt"),
            include_str!("golden/confirm_email.fr.html"),
        ),
        (
            Template::ResetPassword,
            Locale::En,
            include_str!("golden/reset_password.en.txt"),
            include_str!("golden/reset_password.en.html"),
        ),
        (
            Template::ResetPassword,
            Locale::Fr,
            include_str!("golden/reset_password.fr.txt"),
            include_str!("golden/reset_password.fr.html"),
        ),
    ] {
        let mail = template.render(locale, &data(), URL).expect("rendered");
        assert_eq!(mail.text.trim(), text.trim(), "{template:?} {locale}");
        assert_eq!(mail.html.trim(), html.trim(), "{template:?} {locale}");
    }
}

#[test]
fn the_html_of_a_mail_is_kept() {
    let mail = Template::GenerationFinished.render(Locale::Fr, &data(), URL).expect("rendered");

    assert_eq!(mail.html.trim(), include_str!("golden/generation_finished.fr.html").trim());
}

#[test]
fn a_welcome_without_a_link_asks_for_nothing() {
    let mut data = data();
    data.as_object_mut().expect("an object").remove("link");

    let mail = Template::Welcome.render(Locale::Fr, &data, URL).expect("rendered");

    assert!(!mail.text.contains("Confirmez") && !mail.html.contains("Confirmez"));
    assert!(Template::ConfirmEmail.render(Locale::Fr, &data, URL).is_err());
}

#[test]
fn values_cannot_write_html() {
    let mut data = data();
    data["project_title"] = json!("<script>alert(1)</script>\r\nBcc: x");

    let mail = Template::GenerationFailed.render(Locale::En, &data, URL).expect("rendered");

    assert!(!mail.html.contains("<script>") && mail.html.contains("&lt;script&gt;"));
    assert!(mail.subject.contains("<script>") && !mail.subject.contains('\n'));
}

#[test]
fn a_missing_value_is_an_error() {
    assert!(Template::Welcome.render(Locale::En, &json!({}), URL).is_err());
}
