//! The words of placeholders, in several languages.

/// Words that say that something was left out or is as before: English, French, Spanish, German, Portuguese and
/// Italian.
const CORE: [&str; 42] = [
    "existing",
    "rest",
    "remaining",
    "remainder",
    "remains",
    "unchanged",
    "same",
    "previous",
    "omitted",
    "other",
    "reste",
    "restant",
    "restante",
    "existant",
    "existante",
    "existants",
    "existantes",
    "inchangé",
    "inchangée",
    "inchangés",
    "identique",
    "précédent",
    "resto",
    "existente",
    "existentes",
    "cambios",
    "igual",
    "anterior",
    "restlicher",
    "restliche",
    "bestehender",
    "bestehende",
    "vorhandener",
    "unverändert",
    "unveränderte",
    "unveränderter",
    "alterações",
    "inalterado",
    "mesmo",
    "esistente",
    "invariato",
    "truncated",
];
/// Words that say so without an ellipsis, where every other word is one of [`FILLERS`].
const UNCHANGED: [&str; 15] = [
    "unchanged",
    "omitted",
    "inchangé",
    "inchangée",
    "inchangés",
    "inchangées",
    "unverändert",
    "unveränderte",
    "unveränderter",
    "invariato",
    "inalterado",
    "inalterada",
    "cambios",
    "alterações",
    "mudanças",
];
/// Phrases that say so without an ellipsis, where every other word is one of [`FILLERS`].
const PHRASES: [&str; 26] = [
    "same as above",
    "same as before",
    "same as previous",
    "keep existing",
    "keep the existing",
    "rest of the",
    "rest of your",
    "rest of code",
    "remaining code",
    "existing code",
    "previous code",
    "code goes here",
    "your code here",
    "content goes here",
    "logic goes here",
    "code here",
    "reste du code",
    "code existant",
    "comme avant",
    "resto del",
    "código existente",
    "wie oben",
    "wie zuvor",
    "rest des",
    "resto do",
    "come sopra",
];
/// Words that a placeholder may have beside these.
const FILLERS: [&str; 112] = [
    "the",
    "of",
    "a",
    "all",
    "your",
    "my",
    "our",
    "this",
    "that",
    "is",
    "are",
    "as",
    "here",
    "goes",
    "go",
    "and",
    "from",
    "in",
    "with",
    "to",
    "for",
    "above",
    "below",
    "before",
    "keep",
    "stay",
    "stays",
    "remain",
    "everything",
    "else",
    "code",
    "codes",
    "content",
    "contents",
    "function",
    "functions",
    "method",
    "methods",
    "style",
    "styles",
    "css",
    "html",
    "js",
    "javascript",
    "markup",
    "import",
    "imports",
    "logic",
    "component",
    "components",
    "section",
    "sections",
    "file",
    "files",
    "script",
    "scripts",
    "rules",
    "implementation",
    "class",
    "body",
    "head",
    "header",
    "footer",
    "helpers",
    "handlers",
    "routes",
    "properties",
    "props",
    "state",
    "version",
    "add",
    "no",
    "changes",
    "du",
    "de",
    "la",
    "le",
    "les",
    "des",
    "del",
    "el",
    "los",
    "las",
    "sin",
    "sem",
    "der",
    "die",
    "das",
    "dem",
    "den",
    "bleibt",
    "bleiben",
    "hier",
    "ici",
    "aquí",
    "código",
    "contenu",
    "contenido",
    "conteúdo",
    "inhalt",
    "fonctions",
    "funciones",
    "funktionen",
    "funções",
    "estilos",
    "comme",
    "wie",
    "oben",
    "zuvor",
    "avant",
    "do",
    "da",
];
/// Phrases of languages that are not cut into words here: Chinese, Japanese, Korean and Russian.
const OTHER_LANGUAGES: [&str; 20] = [
    "其余代码",
    "其余部分",
    "现有代码",
    "现有内容",
    "原有代码",
    "保持不变",
    "代码不变",
    "同上",
    "代码省略",
    "既存のコード",
    "残りのコード",
    "変更なし",
    "上記と同じ",
    "기존 코드",
    "나머지 코드",
    "остальной код",
    "существующий код",
    "без изменений",
    "остальные",
    "как раньше",
];
/// Maximum length of a placeholder in one of those languages without an ellipsis, in characters.
const MAX_OTHER_CHARS: usize = 28;
/// Maximum number of words of a placeholder.
const MAX_WORDS: usize = 14;
/// Words of a comment on what is to be done.
const PLANS: [&str; 14] = [
    "todo",
    "fixme",
    "implement",
    "goes here",
    "your code",
    "add your",
    "placeholder",
    "coming soon",
    "à faire",
    "à compléter",
    "por hacer",
    "zu erledigen",
    "待办",
    "待实现",
];

/// Whether the text of a comment is only an ellipsis.
pub(super) fn is_ellipsis(body: &str) -> bool {
    matches!(body.trim(), "..." | "…")
}

/// Whether the text of a comment stands in for code: it begins with an ellipsis and says that something was left
/// out, or has no words but such as say so.
pub(super) fn is_placeholder(body: &str) -> bool {
    let lower = body.to_lowercase();
    let text = lower.trim_matches(['(', ')', '[', ']', '<', '>', '{', '}', ' ', ':', '!', '*']);
    let is_dotted = text.contains("...") || text.contains('…');
    let leads = text.starts_with("...") || text.starts_with('…');
    if OTHER_LANGUAGES.iter().any(|phrase| text.contains(phrase)) {
        return leads || text.chars().count() <= MAX_OTHER_CHARS;
    }
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'))
        .filter(|w| !w.is_empty())
        .collect();
    if words.is_empty() || words.len() > MAX_WORDS {
        return false;
    }
    let has_core = words.iter().any(|word| CORE.contains(word));
    if leads {
        return has_core || has_phrase(&words);
    }
    let only_known =
        words.iter().all(|word| CORE.contains(word) || UNCHANGED.contains(word) || FILLERS.contains(word));
    only_known && ((is_dotted && has_core) || says_unchanged(&words) || has_phrase(&words))
}

/// Whether a word says that something is as before.
fn says_unchanged(words: &[&str]) -> bool {
    words.iter().any(|word| UNCHANGED.contains(word))
}

fn has_phrase(words: &[&str]) -> bool {
    let text = words.join(" ");
    PHRASES.iter().any(|phrase| text.contains(phrase))
}

/// Whether a comment says what is to be done.
pub(super) fn is_plan(line: &str) -> bool {
    let lower = line.to_lowercase();
    PLANS.iter().any(|words| lower.contains(words))
}
