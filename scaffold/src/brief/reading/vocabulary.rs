//! The function words that structure a description. English and French share their lists,
//! since people mix them.

use crate::language::Language;

/// What a function word does to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Begins a list of fields.
    Opener,
    /// Begins a list of entities.
    Verb,
    /// Stands between two items.
    Joiner,
    /// Stands before a field to sort or search by.
    By,
    /// Ends an item and begins a clause.
    Cutter,
    /// Begins another sentence and ends the list.
    Ender,
    /// Stands before an item and has no meaning for it.
    Qualifier,
}

/// Whether the folded word has the role in the language.
pub(super) fn has_role(word: &str, role: Role, language: Language) -> bool {
    let words = match language {
        Language::English | Language::French => return shared(role).contains(&word),
        Language::Spanish => spanish(role),
        Language::German => german(role),
        Language::Portuguese => portuguese(role),
    };
    words.split(' ').any(|other| other == word)
}

/// Whether the folded word says for whom something is.
pub(super) fn is_aim(word: &str) -> bool {
    matches!(word, "for" | "pour" | "para" | "fur")
}

/// Whether the folded word joins a container and its content, as in `library of games`.
pub(super) fn is_of(word: &str) -> bool {
    matches!(word, "of" | "de" | "des" | "d" | "del" | "do" | "da" | "dos" | "das" | "von")
}

/// Whether the folded word says that something is part of something.
pub(super) fn is_belonging(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "belongs",
        "belong",
        "appartient",
        "appartiennent",
        "pertenece",
        "pertenecen",
        "gehort",
        "gehoren",
        "pertence",
        "pertencem",
    ];
    WORDS.contains(&word)
}

fn shared(role: Role) -> &'static [&'static str] {
    match role {
        Role::Opener => OPENERS,
        Role::Verb => VERBS,
        Role::Joiner => JOINERS,
        Role::By => BY,
        Role::Cutter => CUTTERS,
        Role::Ender => ENDERS,
        Role::Qualifier => QUALIFIERS,
    }
}

fn spanish(role: Role) -> &'static str {
    match role {
        Role::Opener => "con incluye incluyendo incluidos contiene conteniendo tiene tienen campos columnas",
        Role::Verb => {
            "gestionar administrar registrar seguir guardar organizar llevar controlar anotar gestiona \
             registra administra guarda gestione registre"
        }
        Role::Joiner => "y e o u ademas tambien",
        Role::By => "por",
        Role::Cutter => "para en sobre que donde cuando desde como al",
        Role::Ender => {
            "yo nosotros ellos usuarios puede pueden debe deben es son quiero quisiera necesito ver mostrar \
             anadir agregar editar eliminar crear marcar exportar buscar ordenar filtrar hacer permite permitir"
        }
        Role::Qualifier => {
            "un una unos unas el la los las lo su sus mi mis nuestro nuestra nuestros nuestras cada varios \
             varias todos todas todo toda algunos algunas de del nuevo nueva sencillo simple este esta estos \
             estas lista registro"
        }
    }
}

fn german(role: Role) -> &'static str {
    match role {
        Role::Opener => {
            "mit enthalt enthalten hat haben inklusive einschliesslich umfasst felder spalten samt"
        }
        Role::Verb => "verwalte verwaltet erfasse erfasst speichere sammle verfolge organisiere von",
        Role::Joiner => "und oder sowie",
        Role::By => "nach je pro",
        Role::Cutter => "in im auf aus bei zu zum zur fur wo wenn als wie damit uber am an",
        Role::Ender => {
            "ich wir man sie er es benutzer nutzer kann konnen soll sollen muss mussen ist sind will mochte \
             brauche zeige zeigen anzeigen hinzufugen bearbeiten loschen erstellen markieren exportieren \
             suchen sortieren filtern verwalten erfassen speichern"
        }
        Role::Qualifier => {
            "ein eine einen einer eines der die das den dem des mein meine meinen meiner unser unsere unseren \
             ihr ihre jeder jede jedes alle mehrere viele einige neue neuen einfache diese dieser"
        }
    }
}

fn portuguese(role: Role) -> &'static str {
    match role {
        Role::Opener => "com inclui incluindo contem contendo tem possui possuem campos colunas",
        Role::Verb => {
            "gerenciar gerir administrar registrar acompanhar guardar organizar controlar anotar gerencie \
             registre guarde cadastrar"
        }
        Role::Joiner => "e ou tambem alem",
        Role::By => "por",
        Role::Cutter => "para em no na nos nas sobre que onde quando desde como ao",
        Role::Ender => {
            "eu nos eles usuarios pode podem deve devem sao quero queria preciso ver mostrar adicionar editar \
             excluir criar marcar exportar buscar ordenar filtrar fazer permite permitir"
        }
        Role::Qualifier => {
            "um uma uns umas o a os as seu sua seus suas meu minha meus minhas nosso nossa nossos nossas cada \
             varios varias todos todas todo toda alguns algumas de do da dos das novo nova simples este esta \
             estes estas lista registro"
        }
    }
}

/// Words before a list of fields.
const OPENERS: &[&str] = &[
    "with",
    "including",
    "includes",
    "include",
    "containing",
    "contains",
    "having",
    "has",
    "have",
    "featuring",
    "features",
    "fields",
    "columns",
    "properties",
    "attributes",
    "avec",
    "comprenant",
    "incluant",
    "contenant",
    "contient",
    "ayant",
    "champs",
    "possede",
    "comporte",
];

/// Words before a list of entities.
const VERBS: &[&str] = &[
    "track",
    "tracks",
    "tracking",
    "manage",
    "manages",
    "managing",
    "organize",
    "organise",
    "organizing",
    "record",
    "recording",
    "log",
    "store",
    "stores",
    "save",
    "collect",
    "keep",
    "register",
    "gerer",
    "suivre",
    "noter",
    "enregistrer",
    "organiser",
    "lister",
    "stocker",
    "collectionner",
];

/// Words between two items.
const JOINERS: &[&str] = &["and", "or", "et", "ou", "plus", "puis", "also"];

/// Words before a field to sort or search by.
const BY: &[&str] = &["by", "par", "per"];

/// Words that end an item and begin a clause.
const CUTTERS: &[&str] = &[
    "for", "to", "in", "on", "from", "that", "which", "where", "so", "when", "who", "whose", "using",
    "about", "because", "then", "of", "at", "into", "as", "like", "pour", "dans", "sur", "qui", "que",
    "afin", "depuis", "comme", "ainsi", "dont", "chez", "en",
];

/// Words that begin another sentence and end the list.
const ENDERS: &[&str] = &[
    "i",
    "you",
    "we",
    "they",
    "it",
    "he",
    "she",
    "users",
    "user",
    "visitors",
    "people",
    "everyone",
    "can",
    "will",
    "should",
    "must",
    "is",
    "are",
    "be",
    "want",
    "need",
    "let",
    "lets",
    "allow",
    "allows",
    "allowing",
    "show",
    "shows",
    "showing",
    "see",
    "view",
    "add",
    "adding",
    "edit",
    "delete",
    "create",
    "mark",
    "export",
    "search",
    "sort",
    "filter",
    "make",
    "build",
    "je",
    "tu",
    "il",
    "elle",
    "nous",
    "vous",
    "ils",
    "on",
    "peut",
    "peuvent",
    "doit",
    "permet",
    "permettant",
    "voir",
    "ajouter",
    "modifier",
    "supprimer",
    "est",
    "sont",
    "veux",
    "voudrais",
];

/// Words before an item that have no meaning for it.
const QUALIFIERS: &[&str] = &[
    "a",
    "an",
    "the",
    "their",
    "its",
    "my",
    "our",
    "your",
    "each",
    "every",
    "some",
    "several",
    "many",
    "all",
    "any",
    "both",
    "optional",
    "required",
    "multiple",
    "simple",
    "beautiful",
    "nice",
    "modern",
    "clean",
    "basic",
    "own",
    "different",
    "various",
    "is",
    "are",
    "new",
    "un",
    "une",
    "des",
    "le",
    "la",
    "les",
    "l",
    "leur",
    "leurs",
    "son",
    "sa",
    "ses",
    "mon",
    "ma",
    "mes",
    "nos",
    "notre",
    "d",
    "de",
    "du",
    "chaque",
    "quelques",
    "plusieurs",
    "tous",
    "toutes",
    "s",
    "this",
    "these",
    "ce",
    "ces",
];
