//! What descriptions of several languages are understood as, and what is not.

use super::*;

fn names(brief: &AppBrief) -> Vec<&str> {
    brief.entities.iter().map(|entity| entity.plural.as_str()).collect()
}

fn kind_in<'a>(brief: &'a AppBrief, entity: &str, field: &str) -> Option<&'a FieldKind> {
    let entity = brief.entities.iter().find(|other| other.key == entity)?;
    entity.field(field).map(|field| &field.kind)
}

fn refers_to(brief: &AppBrief, entity: &str, other: &str) -> bool {
    kind_in(brief, entity, other) == Some(&FieldKind::Reference(other.to_owned()))
}

#[test]
fn a_clinic_has_all_its_entities_in_each_language() {
    for (text, plurals) in [
        (
            "A clinic with patients, doctors, appointments and prescriptions",
            ["Patients", "Doctors", "Appointments", "Prescriptions"],
        ),
        (
            "Une clinique avec des patients, des médecins, des rendez-vous et des ordonnances",
            ["Patients", "Médecins", "Rendez-vous", "Ordonnances"],
        ),
        (
            "Una clínica con pacientes, médicos, citas y prescripciones",
            ["Pacientes", "Médicos", "Citas", "Prescripciones"],
        ),
        (
            "Eine Klinik mit Patienten, Ärzten, Terminen und Verordnungen",
            ["Patienten", "Ärzte", "Termine", "Verordnungen"],
        ),
        (
            "Uma clínica com pacientes, médicos, consultas e prescrições",
            ["Pacientes", "Médicos", "Consultas", "Prescrições"],
        ),
    ] {
        let brief = quick("", text);
        assert_eq!(names(&brief), plurals, "{text}");
        for other in ["patient", "doctor"] {
            assert!(refers_to(&brief, "appointment", other), "{other} in {text}");
        }
        assert!(brief.is_understood && brief.missed.is_empty(), "{text}: {:?}", brief.missed);
    }
}

#[test]
fn a_domain_alone_brings_its_entities() {
    assert_eq!(
        names(&quick("Clinic", "")),
        ["Patients", "Doctors", "Appointments", "Prescriptions"],
        "and not only patients"
    );
    assert!(quick("Hausverwaltung", "").entities.len() >= 5);
}

#[test]
fn the_parts_of_a_whole_refer_to_it() {
    let brief = quick("", "Invoices with lines, and customers");
    assert!(brief.entities.iter().any(|entity| entity.key == "invoice_line"), "{:?}", names(&brief));
    assert!(refers_to(&brief, "invoice_line", "invoice"));
    let brief = quick("", "Manage payments and tenants. Each payment belongs to a tenant.");
    assert!(refers_to(&brief, "payment", "tenant"));
}

#[test]
fn a_property_manager_keeps_ten_entities() {
    let brief = quick(
        "Rentals",
        "A property manager: properties, buildings, rental units, tenants, owners, leases, payments, \
         maintenance requests, inspections and contractors",
    );
    assert_eq!(brief.entities.len(), 10, "{:?}", names(&brief));
    assert!(refers_to(&brief, "lease", "tenant") && refers_to(&brief, "lease", "property"));
    assert_eq!(kind_in(&brief, "lease", "rent"), Some(&FieldKind::Money));
    assert_eq!(kind_in(&brief, "lease", "start_date"), Some(&FieldKind::Date));
}

#[test]
fn unknown_nouns_of_a_list_are_entities_in_their_own_words() {
    let brief = quick("", "Manage hives, queens and harvests");
    assert_eq!(names(&brief), ["Hives", "Queens", "Harvests"]);
    let brief = quick("", "Books with authors\n\nAdd a list of publishers with a country");
    assert_eq!(names(&brief), ["Books", "Publishers"]);
    let brief = quick("", "Gestionar colmenas, reinas y cosechas");
    assert_eq!(names(&brief), ["Colmenas", "Reinas", "Cosechas"]);
    let brief = quick("", "Meine Bienenstöcke verwalten");
    assert_eq!(names(&brief), ["Bienenstöcke"]);
}

#[test]
fn amounts_and_dates_are_fields_of_their_own_kind() {
    for (text, date, amount) in [
        ("Hives with moving day and honey price", "moving_day", "honey_price"),
        ("Colmenas con fecha de traslado e importe neto", "fecha_de_traslado", "importe_neto"),
        ("Bienenstöcke mit Umzugsdatum und Honigpreis", "umzugsdatum", "honigpreis"),
        ("Colmeias com data da mudança e valor pago", "data_da_mudanca", "valor_pago"),
        ("Les ruches avec date de visite et montant net", "date_de_visite", "montant_net"),
    ] {
        let brief = quick("", text);
        let main = brief.main_entity();
        let kind = |name: &str| main.field(name).map(|field| &field.kind);
        assert_eq!(kind(date), Some(&FieldKind::Date), "{text}: {:?}", main.fields);
        assert_eq!(kind(amount), Some(&FieldKind::Money), "{text}: {:?}", main.fields);
    }
}

#[test]
fn what_keeps_nothing_is_not_understood() {
    for text in [
        "",
        ".",
        "A calculator",
        "A chat",
        "A chat for my friends",
        "A game of snake",
        "A calculator for a school",
        "Make it beautiful",
        "Une calculatrice",
        "Una calculadora",
        "Ein Taschenrechner",
        "Um conversor",
        "قائمة",
        "書籍リスト",
        "</script><script>alert(1)</script>",
    ] {
        for title in ["", "My application"] {
            assert!(!quick(title, text).is_understood, "{title}: {text}");
        }
    }
}

#[test]
fn a_program_beside_a_list_does_not_hide_the_list() {
    for text in ["A recipe app with a timer", "A quiz game", "A school with a chat", "My game collection"] {
        assert!(quick("", text).is_understood, "{text}");
    }
}

#[test]
fn sentences_without_a_finding_are_reported() {
    let brief = quick("", "Books with authors. The logo spins when it rains. Ratings are shown");
    assert!(brief.is_understood);
    assert_eq!(brief.missed, ["The logo spins when it rains"]);
}

#[test]
fn a_page_needs_a_sentence_to_present() {
    let understood = |text: &str| {
        let request = GenerationRequest { kind: AppKind::LandingPage, ..request("x", text, Effort::Quick) };
        AppBrief::of(&request).is_understood
    };
    for (text, expected) in
        [(".", false), ("chat", false), ("A bakery in Lyon", true), ("パン屋さん", true), ("", false)]
    {
        assert_eq!(understood(text), expected, "{text}");
    }
}
