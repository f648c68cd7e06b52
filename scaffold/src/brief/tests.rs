use super::*;
use crate::schema::{Field, FieldKind};

fn request(title: &str, description: &str, effort: Effort) -> GenerationRequest {
    GenerationRequest {
        title: title.to_owned(),
        kind: AppKind::WebApp,
        description: description.to_owned(),
        effort,
        messages: Vec::new(),
        previous_files: Vec::new(),
    }
}

fn quick(title: &str, description: &str) -> AppBrief {
    AppBrief::of(&request(title, description, Effort::Quick))
}

/// `Book(title:text, author:text)` for each entity.
fn sketch(brief: &AppBrief) -> String {
    let field = |field: &Field| {
        let kind = serde_json::to_value(&field.kind).expect("a kind is plain data");
        format!("{}:{}", field.name, kind["type"].as_str().unwrap_or_default())
    };
    let entity = |entity: &Entity| {
        format!("{}({})", entity.name, entity.fields.iter().map(field).collect::<Vec<_>>().join(", "))
    };
    brief.entities.iter().map(entity).collect::<Vec<_>>().join("; ")
}

/// Title, description, sketch.
const CASES: &[(&str, &str, &str)] = &[
    (
        "Reading list",
        "A reading list with authors, ratings and a search box",
        "Book(title:text, author:text, rating:rating, status:choice)",
    ),
    (
        "",
        "A todo app for students with due dates and tags",
        "Task(title:text, due_date:date, priority:choice, done:boolean, tags:tags)",
    ),
    (
        "Shop",
        "",
        "Product(name:text, price:money, stock:number, category:text, description:long_text); Order(invoice_number:text, product:reference, customer:text, quantity:number, date:date, status:choice)",
    ),
    (
        "Bakery",
        "Manage products, customers and orders.",
        "Product(name:text, price:money, stock:number, category:text, description:long_text); Customer(name:text, email:email, phone:phone, address:text); Order(invoice_number:text, product:reference, customer:reference, quantity:number, date:date, status:choice)",
    ),
    (
        "Dragon tracker",
        "Dragons with wing colours, hoard value and temper (calm, fierce)",
        "Dragon(name:text, wing_colour:text, hoard_value:money, temper:choice)",
    ),
    (
        "Mes dépenses",
        "Suivre mes dépenses par catégorie avec un montant et une date",
        "Dépense(title:text, amount:money, category:text, date:date)",
    ),
    (
        "Recettes",
        "Une application de recettes avec des ingrédients, une note, une photo et le temps de cuisson",
        "Recette(title:text, ingredients:long_text, instructions:long_text, servings:number, duration:number, rating:rating, photo:url)",
    ),
    ("書籍リスト", "", "Item(name:text, description:long_text)"),
    (
        "",
        "A library of board games: name, number of players, duration, owned or wanted",
        "Game(title:text, platform:text, genre:text, rating:rating, status:choice, number_of_players:number, duration:number, owned:boolean, wanted:boolean)",
    ),
    (
        "",
        "Beekeeping log: hives with location and queen age",
        "Hive(name:text, location:text, queen_age:number)",
    ),
    (
        "",
        "A bookstore with books, authors and orders",
        "Book(title:text, author:text, rating:rating, status:choice); Order(invoice_number:text, book:reference, customer:text, quantity:number, date:date, status:choice)",
    ),
    (
        "",
        "Les adhérents d'une association avec nom, téléphone et date d'inscription",
        "Membre(name:text, email:email, phone:phone, start_date:date, date_d_inscription:date)",
    ),
    (
        "",
        "A simple inventory with products and stock levels",
        "Product(name:text, price:money, stock:number, category:text, description:long_text)",
    ),
    (
        "Films",
        "Movies with status (seen, unseen)",
        "Movie(title:text, director:text, year:number, rating:rating, status:choice)",
    ),
    (
        "Work",
        "Projects with tasks",
        "Project(name:text, description:long_text, status:choice, due_date:date); Task(title:text, due_date:date, priority:choice, done:boolean, project:reference)",
    ),
    (
        "Field test",
        "Each contact has:\n- name\n- email\n- a phone number\n- birthday",
        "Contact(name:text, email:email, phone:phone, company:text, notes:long_text, birthday:date)",
    ),
];

#[test]
fn entities_and_fields_come_from_the_description() {
    for (title, description, expected) in CASES {
        assert_eq!(sketch(&quick(title, description)), *expected, "{title}: {description}");
    }
}

#[test]
fn features_are_distinguished_from_fields() {
    let brief = quick("Reading list", "Books with authors, a search box, dark mode, statistics and login");
    assert_eq!(sketch(&brief), "Book(title:text, author:text, rating:rating, status:choice)");
    assert!(["search", "dark_mode", "stats"].iter().all(|key| brief.features.contains(*key)));
    assert_eq!(brief.absent, ["Sign-in and user accounts"]);
}

#[test]
fn an_advanced_application_gets_a_second_entity() {
    let brief = AppBrief::of(&request("Reading list", "Books", Effort::Advanced));
    let keys: Vec<&str> = brief.entities.iter().map(|entity| entity.key.as_str()).collect();
    assert_eq!(keys, ["book", "quote"]);
    let book = brief.entities[1].field("book").map(|field| field.kind.clone());
    assert_eq!(book, Some(FieldKind::Reference("book".to_owned())));
}

#[test]
fn any_text_gives_a_whole_brief() {
    let long = "word ".repeat(3_000);
    let list = format!("Things with {}", (0..60).map(|n| format!("aspect {n}, ")).collect::<String>());
    for text in [
        "",
        " ",
        "\0\u{202e}",
        "</script><script>alert(1)</script>",
        "`${x}` \" ' \\ {{ x }} {% x %}",
        "مرحبا بالعالم",
        "🦄🦄",
        &long,
        &list,
        "with",
        "with with, and by",
        "(((",
        "a,b,c",
    ] {
        for effort in [Effort::Quick, Effort::Advanced] {
            let brief = AppBrief::of(&request(text, text, effort));
            assert!(!brief.title.is_empty() && brief.title.chars().count() <= MAX_TITLE);
            assert!(!brief.slug.is_empty());
            assert!((1..=10).contains(&brief.entities.len()));
            for entity in &brief.entities {
                assert!((1..=10).contains(&entity.fields.len()), "{text}");
                let names: BTreeSet<&str> = entity.fields.iter().map(|field| field.name.as_str()).collect();
                assert_eq!(names.len(), entity.fields.len(), "names are unique");
                assert!(
                    names.iter().all(|name| !name.is_empty()
                        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
                );
                assert!(!entity.path.is_empty() && !entity.key.is_empty());
            }
        }
    }
}

#[test]
fn names_that_javascript_reserves_are_changed() {
    for (label, name) in [
        ("constructor", "constructor_field"),
        ("__proto__", "proto_field"),
        ("id", "id_field"),
        ("2nd name", "field_2nd_name"),
    ] {
        assert_eq!(Field::new(label, FieldKind::Text).map(|field| field.name), Some(name.to_owned()));
    }
}

#[test]
fn the_currency_follows_the_text() {
    for (text, code) in [
        ("Prices in €", "EUR"),
        ("It costs £5", "GBP"),
        ("A shop", "USD"),
        ("Une boutique avec des produits", "EUR"),
        ("Preise in CHF und Rabatte", "CHF"),
        ("Produtos por R$ 30", "BRL"),
        ("Una tienda con productos", "EUR"),
    ] {
        assert_eq!(quick("x", text).currency, code, "{text}");
    }
}

mod understanding;
