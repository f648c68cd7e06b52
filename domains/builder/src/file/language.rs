//! Names of languages: by a file's path and by the tag of a fence.

/// A language: its name, file extensions, and other fence tags.
struct Language {
    name: &'static str,
    endings: &'static [&'static str],
    tags: &'static [&'static str],
}

const fn language(
    name: &'static str,
    endings: &'static [&'static str],
    tags: &'static [&'static str],
) -> Language {
    Language { name, endings, tags }
}

static LANGUAGES: &[Language] = &[
    language("html", &["html", "htm", "xhtml"], &["html5"]),
    language("css", &["css"], &["css3"]),
    language("javascript", &["js", "mjs", "cjs"], &["node", "nodejs", "ecmascript", "es6"]),
    language("jsx", &["jsx"], &["react", "javascriptreact"]),
    language("typescript", &["ts", "mts", "cts"], &[]),
    language("tsx", &["tsx"], &["typescriptreact"]),
    language("python", &["py", "pyi"], &["python3", "py3"]),
    language("json", &["json", "webmanifest", "map"], &[]),
    language("jsonc", &["jsonc", "json5"], &[]),
    language("toml", &["toml"], &[]),
    language("yaml", &["yaml", "yml"], &[]),
    language("markdown", &["md", "mdx", "markdown"], &[]),
    language("svg", &["svg"], &[]),
    language("xml", &["xml", "xsl", "plist"], &[]),
    language("scss", &["scss"], &[]),
    language("sass", &["sass"], &[]),
    language("less", &["less"], &[]),
    language("vue", &["vue"], &[]),
    language("svelte", &["svelte"], &[]),
    language("astro", &["astro"], &[]),
    language(
        "template",
        &["ejs", "hbs", "pug", "njk", "jinja", "j2", "liquid", "mustache", "erb"],
        &["jinja2"],
    ),
    language("shell", &["sh", "bash", "zsh"], &["shell-session", "console", "terminal"]),
    language("powershell", &["ps1"], &["pwsh"]),
    language("batch", &["bat", "cmd"], &[]),
    language("sql", &["sql"], &["postgresql", "sqlite", "mysql"]),
    language("prisma", &["prisma"], &[]),
    language("graphql", &["graphql", "gql"], &[]),
    language("dockerfile", &["dockerfile"], &["docker"]),
    language("makefile", &["mk"], &["make"]),
    language("rust", &["rs"], &[]),
    language("go", &["go"], &["golang"]),
    language("ruby", &["rb"], &[]),
    language("php", &["php"], &[]),
    language("java", &["java"], &[]),
    language("kotlin", &["kt", "kts"], &[]),
    language("swift", &["swift"], &[]),
    language("dart", &["dart"], &[]),
    language("csharp", &["cs"], &["c#"]),
    language("cpp", &["cpp", "cc", "hpp"], &["c++"]),
    language("c", &["c", "h"], &[]),
    language("elixir", &["ex", "exs"], &[]),
    language("ini", &["ini", "cfg", "conf", "properties", "env"], &["dotenv"]),
    language("csv", &["csv", "tsv"], &[]),
    language("diff", &["diff", "patch"], &[]),
    language("text", &["txt", "text", "log", "lock"], &["plaintext", "plain"]),
];

/// Languages of files by name, where the extension does not tell.
static BARE_NAMES: &[(&str, &str)] = &[
    ("Dockerfile", "dockerfile"),
    ("Makefile", "makefile"),
    ("Procfile", "text"),
    ("Caddyfile", "text"),
    ("Gemfile", "ruby"),
    ("LICENSE", "text"),
    (".gitignore", "text"),
    (".dockerignore", "text"),
    (".editorconfig", "ini"),
    (".env.example", "ini"),
    (".env.sample", "ini"),
    (".env.template", "ini"),
    (".prettierrc", "text"),
    (".eslintrc", "text"),
    (".babelrc", "text"),
    (".nvmrc", "text"),
    (".htaccess", "text"),
];

/// The language of a file by its name; none if the name does not tell.
pub(crate) fn find_by_path(path: &str) -> Option<&'static str> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    if let Some((_, language)) = BARE_NAMES.iter().find(|(bare, _)| *bare == name) {
        return Some(language);
    }
    let (stem, ending) = name.rsplit_once('.')?;
    let ending = ending.to_ascii_lowercase();
    if stem.is_empty() {
        return None;
    }
    LANGUAGES.iter().find(|l| l.endings.contains(&ending.as_str())).map(|l| l.name)
}

/// The language of a fence's tag.
pub(crate) fn find_by_tag(tag: &str) -> Option<&'static str> {
    let tag = tag.to_ascii_lowercase();
    let tag = tag.as_str();
    LANGUAGES
        .iter()
        .find(|l| l.name == tag || l.tags.contains(&tag) || l.endings.contains(&tag))
        .map(|l| l.name)
}

/// Whether a block with the language `tag` may be a file with the language `path`.
pub(crate) fn is_compatible(tag: &str, path: &str) -> bool {
    if tag == path || tag == "text" {
        return true;
    }
    let family = |name: &str| match name {
        "javascript" | "jsx" | "typescript" | "tsx" => 1,
        "html" | "vue" | "svelte" | "astro" | "template" | "xml" | "svg" => 2,
        "css" | "scss" | "sass" | "less" => 3,
        "json" | "jsonc" => 4,
        "ini" | "text" | "toml" => 5,
        _ => 0,
    };
    (family(tag) != 0 && family(tag) == family(path))
        || (path == "text" && !matches!(tag, "shell" | "powershell" | "batch" | "diff"))
        || (path == "ini" && matches!(tag, "shell"))
}

/// The default path of a single block in this language.
pub(crate) fn default_path(language: &str) -> Option<&'static str> {
    match language {
        "html" => Some("index.html"),
        "css" => Some("styles.css"),
        "javascript" => Some("script.js"),
        "python" => Some("main.py"),
        _ => None,
    }
}
