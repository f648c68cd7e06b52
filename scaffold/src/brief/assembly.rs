//! Creates entities from the findings in a description.

use serde_json::{Map, Value};

use super::reading::Reading;
use super::reading::nouns::Noun;
use super::subject;
use crate::language::Language;
use crate::lexicon::{EntityEntry, LEXICON};
use crate::schema::{Entity, Field, FieldKind};
use crate::text::capitalize;
use crate::texts::document_texts;

/// Most fields of one entity.
const MAX_FIELDS: usize = 10;
/// Most entities of a description.
const MAX_ENTITIES: usize = 10;

/// The entities of an application: at least one, the main one first.
pub(super) fn entities(
    title: &str,
    description: &str,
    reading: &Reading,
    language: Language,
    advanced: bool,
) -> Vec<Entity> {
    let keys = keys(reading, advanced);
    let mut entities: Vec<Entity> = keys
        .iter()
        .filter_map(|key| LEXICON.entity(key))
        .map(|entry| known(entry, &keys, language))
        .collect();
    if entities.is_empty() {
        entities.push(main_unknown(title, description, reading, language));
    }
    for noun in reading.nouns.iter().filter(|noun| noun.is_listed) {
        let key = noun.key();
        if entities.len() < MAX_ENTITIES && entities.iter().all(|entity| entity.key != key) {
            entities.push(unknown(noun, reading, language));
        }
    }
    add_listed_fields(&mut entities, reading);
    add_relations(&mut entities, reading);
    for entity in &mut entities {
        entity.fields.truncate(MAX_FIELDS);
        let fields = &entity.fields;
        entity.samples.iter_mut().for_each(|sample| fit(sample, fields));
    }
    make_paths_unique(&mut entities);
    entities
}

/// The keys of known entities: the first subject, then those of lists and those in the plural,
/// and where there is only one of them, the others of its domain.
fn keys(reading: &Reading, advanced: bool) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let shelves = reading.subjects.first().is_some_and(|key| key == "stock_item");
    let stored = reading.things.iter().find(|key| *key != "stock_item").filter(|_| shelves);
    let is_guess = reading.nouns.iter().any(|noun| noun.is_listed) && reading.domain.is_empty();
    let subject = reading
        .subjects
        .first()
        .filter(|key| !is_guess || reading.plurals.contains(key) || reading.things.contains(key));
    let main = stored.or(subject).or_else(|| reading.things.first());
    let mut add = |key: &String| {
        if !keys.contains(key) && keys.len() < MAX_ENTITIES {
            keys.push(key.clone());
        }
    };
    main.into_iter().chain(&reading.things).chain(&reading.plurals).for_each(&mut add);
    let named = keys.len();
    let domain =
        Some(&reading.domain).filter(|domain| named < 2 && main.is_some_and(|key| domain.contains(key)));
    for key in domain.into_iter().flatten() {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    let companion = main.and_then(|key| LEXICON.entity(key)).and_then(|entry| entry.companion.clone());
    if let Some(companion) = companion.filter(|key| advanced && keys.len() < 2 && !keys.contains(key)) {
        keys.push(companion);
    }
    keys
}

fn known(entry: &EntityEntry, keys: &[String], language: Language) -> Entity {
    let many = Some(entry.plurals.in_language(language).as_str()).filter(|many| !many.is_empty());
    let mut entity = Entity::named(&entry.key, entry.name.in_language(language), many, language);
    let companion = entry.companion_ref.iter().filter(|key| keys.contains(key));
    for key in entry.fields.iter().chain(companion) {
        entity.fields.extend(field_of(entry, key, keys, language));
    }
    if let Some(samples) = &entry.samples {
        entity.samples.clone_from(samples.in_language(language));
    }
    entity
}

fn field_of(entry: &EntityEntry, key: &str, keys: &[String], language: Language) -> Option<Field> {
    let other = LEXICON.entity(key).filter(|other| keys.contains(&other.key) && other.key != entry.key);
    if let Some(other) = other {
        let label = other.name.in_language(language).clone();
        return Some(Field { name: key.to_owned(), label, kind: FieldKind::Reference(key.to_owned()) });
    }
    let mut field = LEXICON.known_field(key, language).or_else(|| {
        let label = LEXICON.entity(key)?.name.in_language(language).clone();
        Some(Field { name: key.to_owned(), label, kind: FieldKind::Text })
    })?;
    if let Some(options) = entry.options.get(key) {
        field.kind = FieldKind::Choice(options.in_language(language).clone());
    }
    if let Some(label) = entry.titles.get(key) {
        field.label.clone_from(label.in_language(language));
    }
    Some(field)
}

/// The only entity of a description without a known one.
fn main_unknown(title: &str, description: &str, reading: &Reading, language: Language) -> Entity {
    let has_fields = !reading.fields.is_empty();
    let noun = subject::noun(title, description, &reading.nouns, has_fields, language).unwrap_or_else(|| {
        let item = document_texts(language).remove("item").unwrap_or_default();
        Noun { one: item.clone(), many: item, is_listed: true }
    });
    unknown(&noun, reading, language)
}

fn unknown(noun: &Noun, reading: &Reading, language: Language) -> Entity {
    let key = noun.key();
    let mut entity = Entity::named(&key, &noun.one, Some(&capitalize(&noun.many)), language);
    entity.fields.extend(LEXICON.known_field("name", language));
    let own = |owner: &Option<String>| owner.as_ref().is_none_or(|owner| *owner == key);
    if reading.fields.iter().filter(|(owner, _)| own(owner)).count() < 2 {
        entity.fields.extend(LEXICON.known_field("description", language));
    }
    entity
}

fn add_listed_fields(entities: &mut [Entity], reading: &Reading) {
    for (owner, field) in &reading.fields {
        let owned_elsewhere = owner.is_none()
            && reading.fields.iter().any(|(other, same)| other.is_some() && same.name == field.name);
        let at =
            owner.as_ref().and_then(|key| entities.iter().position(|entity| entity.key == *key)).unwrap_or(0);
        let named_as_entity = entities.iter().any(|entity| entity.key == field.name);
        let entity = &mut entities[at];
        let titles = ["title", "name"];
        if titles.contains(&field.name.as_str()) && titles.contains(&entity.fields[0].name.as_str()) {
            continue;
        }
        match entity.fields.iter_mut().find(|same| same.name == field.name) {
            Some(same) if own_choice(field, same) => same.kind = field.kind.clone(),
            Some(_) => {}
            None if owned_elsewhere || named_as_entity => {}
            None => entity.fields.push(field.clone()),
        }
    }
}

/// Whether the description lists other choices than the field has.
fn own_choice(listed: &Field, present: &Field) -> bool {
    let mut standard =
        Language::ALL.into_iter().filter_map(|language| LEXICON.known_field(&listed.name, language));
    matches!(listed.kind, FieldKind::Choice(_))
        && !matches!(present.kind, FieldKind::Reference(_))
        && standard.all(|field| field.kind != listed.kind)
}

fn add_relations(entities: &mut [Entity], reading: &Reading) {
    let names: Vec<(String, String)> =
        entities.iter().map(|entity| (entity.key.clone(), entity.name.clone())).collect();
    for entity in entities.iter_mut() {
        for field in &mut entity.fields {
            if field.kind == FieldKind::Text
                && names.iter().any(|(key, _)| *key == field.name && *key != entity.key)
            {
                field.kind = FieldKind::Reference(field.name.clone());
            }
        }
    }
    let (main_key, main_name) = names[0].clone();
    let sold = names.iter().all(|(key, _)| key != "product");
    for order in entities.iter_mut().filter(|entity| entity.key == "order" && sold && main_key != "order") {
        for field in order.fields.iter_mut().filter(|field| field.name == "product") {
            *field = Field {
                name: main_key.clone(),
                label: main_name.clone(),
                kind: FieldKind::Reference(main_key.clone()),
            };
        }
    }
    for (part, whole) in &reading.parts {
        let label = names.iter().find(|(key, _)| key == whole).map(|(_, name)| name.clone());
        let back = entities.iter().any(|entity| entity.key == *whole && entity.field(part).is_some());
        let entity =
            entities.iter_mut().find(|entity| entity.key == *part && entity.field(whole).is_none() && !back);
        if let (Some(entity), Some(label)) = (entity, label) {
            let at = entity.fields.len().min(MAX_FIELDS - 1);
            entity
                .fields
                .insert(at, Field { name: whole.clone(), label, kind: FieldKind::Reference(whole.clone()) });
        }
    }
}

/// Keeps the values of a sample that the fields can have.
fn fit(sample: &mut Map<String, Value>, fields: &[Field]) {
    sample.retain(|name, value| {
        fields.iter().find(|field| field.name == *name).is_some_and(|field| match &field.kind {
            FieldKind::Choice(options) => options.iter().any(|option| value == option),
            FieldKind::Reference(_) => false,
            _ => true,
        })
    });
}

fn make_paths_unique(entities: &mut [Entity]) {
    for at in 1..entities.len() {
        let taken = entities[..at].iter().any(|other| other.path == entities[at].path);
        if taken {
            entities[at].path = format!("{}-{}", entities[at].path, at + 1);
        }
    }
}
