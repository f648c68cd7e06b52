use super::*;

#[test]
fn every_key_that_is_named_exists() {
    for entity in &LEXICON.entities {
        let names: Vec<&str> = LEXICON.entities.iter().map(|entity| entity.key.as_str()).collect();
        for field in &entity.fields {
            assert!(
                LEXICON.field(field).is_some() || names.contains(&field.as_str()),
                "{} of {}",
                field,
                entity.key
            );
        }
        for field in entity.options.keys().chain(entity.titles.keys()) {
            assert!(entity.fields.contains(field), "{} of {}", field, entity.key);
        }
        assert!(entity.companion.iter().all(|key| names.contains(&key.as_str())), "{}", entity.key);
    }
    for domain in &LEXICON.domains {
        assert!(domain.entities.iter().all(|key| LEXICON.entity(key).is_some()), "{:?}", domain.entities);
    }
}

#[test]
fn words_are_found_in_either_number_and_language() {
    for (phrase, language, key) in [
        ("ratings", Language::English, "rating"),
        ("note", Language::French, "rating"),
        ("note", Language::English, "notes"),
        ("due dates", Language::English, "due_date"),
        ("dates de sortie", Language::French, "release_date"),
        ("prix", Language::French, "price"),
    ] {
        assert_eq!(
            LEXICON.find_field(phrase, language).map(|field| field.key.as_str()),
            Some(key),
            "{phrase}"
        );
    }
    assert_eq!(LEXICON.find_entity("courses", Language::English).map(|e| e.key.as_str()), Some("course"));
    assert_eq!(LEXICON.find_entity("courses", Language::French).map(|e| e.key.as_str()), Some("grocery"));
    assert!(LEXICON.find_field("customers", Language::English).is_none());
    assert_eq!(LEXICON.find_entity("customers", Language::English).map(|e| e.key.as_str()), Some("customer"));
}

#[test]
fn every_name_and_choice_is_there_in_every_language() {
    for language in Language::ALL {
        for field in &LEXICON.fields {
            assert!(!field.label.in_language(language).is_empty(), "{} in {language:?}", field.key);
            if let Some(options) = &field.options {
                assert_eq!(
                    options.in_language(language).len(),
                    options.in_language(Language::English).len(),
                    "{} in {language:?}",
                    field.key
                );
            }
        }
        for entity in &LEXICON.entities {
            let name = entity.name.in_language(language);
            assert!(!name.is_empty(), "{} in {language:?}", entity.key);
            let derives = matches!(language, Language::English | Language::French);
            assert!(
                derives || !entity.plurals.in_language(language).is_empty(),
                "{} in {language:?}",
                entity.key
            );
            for options in entity.options.values() {
                assert_eq!(options.in_language(language).len(), options.in_language(Language::English).len());
            }
            assert!(entity.titles.values().all(|title| !title.in_language(language).is_empty()));
        }
        for feature in LEXICON.features.iter().filter(|feature| feature.absent) {
            let name = feature.name.as_ref().map(|name| name.in_language(language).as_str());
            assert!(name.is_some_and(|name| !name.is_empty()), "{} in {language:?}", feature.key);
        }
    }
}

#[test]
fn samples_have_the_values_of_their_fields_in_every_language() {
    for entity in &LEXICON.entities {
        let Some(samples) = &entity.samples else { continue };
        for language in Language::ALL {
            for (name, value) in samples.in_language(language).iter().flatten() {
                let field = LEXICON.known_field(name, language);
                assert!(entity.fields.contains(name) && field.is_some(), "{name} of {}", entity.key);
                let own = entity.options.get(name).map(|options| options.in_language(language).clone());
                let standard = field.and_then(|field| match field.kind {
                    FieldKind::Choice(options) => Some(options),
                    _ => None,
                });
                if let Some(options) = own.or(standard) {
                    assert!(options.iter().any(|option| value == option), "{value} of {}", entity.key);
                }
            }
        }
    }
}

#[test]
fn plurals_of_every_language_are_found() {
    for (phrase, language, key) in [
        ("pacientes", Language::Spanish, "patient"),
        ("citas", Language::Spanish, "appointment"),
        ("contratos de alquiler", Language::Spanish, "lease"),
        ("patienten", Language::German, "patient"),
        ("termine", Language::German, "appointment"),
        ("rechnungspositionen", Language::German, "invoice_line"),
        ("imoveis", Language::Portuguese, "property"),
        ("contratos de aluguel", Language::Portuguese, "lease"),
        ("baux", Language::French, "lease"),
        ("ordonnances", Language::French, "prescription"),
        ("maintenance requests", Language::English, "maintenance_request"),
    ] {
        assert_eq!(LEXICON.find_entity(phrase, language).map(|e| e.key.as_str()), Some(key), "{phrase}");
    }
}
