//! The pages of React applications: the scripts that they load, and the addresses in them.

use super::{
    Place,
    graph::{encoded, output_of},
    resolve::{Project, Target, is_script},
};
use crate::file::GeneratedFile;

/// A page of a project.
pub(super) struct Page<'a> {
    file: &'a GeneratedFile,
    project: &'a Project<'a>,
}

/// An attribute with an address: the byte offsets of its value.
struct Address {
    start: usize,
    end: usize,
}

impl<'a> Page<'a> {
    pub(super) fn new(file: &'a GeneratedFile, project: &'a Project<'a>) -> Self {
        Self { file, project }
    }

    /// The paths of the project's scripts that the page loads.
    pub(super) fn scripts(&self) -> Vec<String> {
        let addresses = addresses(&self.file.content).into_iter();
        let text = |address: &Address| &self.file.content[address.start..address.end];
        let mut scripts: Vec<String> = addresses
            .filter_map(|address| self.resolve(text(&address)))
            .filter(|path| is_script(path) && !self.is_public(path))
            .collect();
        scripts.dedup();
        scripts
    }

    fn is_public(&self, path: &str) -> bool {
        path.strip_prefix(self.project.root()).is_some_and(|path| path.starts_with("public/"))
    }

    /// The path of the project's file that an address refers to.
    fn resolve(&self, address: &str) -> Option<String> {
        let address = address.split(['?', '#']).next().unwrap_or_default().trim();
        let name = address.rsplit('/').next().unwrap_or_default();
        if name.is_empty() || address.contains(':') || address.starts_with("//") {
            return None;
        }
        let relative =
            if address.starts_with(['/', '.']) { address.to_owned() } else { format!("./{address}") };
        match self.project.resolve(&self.file.path, &relative).ok()? {
            Target::Script(path)
            | Target::Style(path)
            | Target::StyleModule(path)
            | Target::Json(path)
            | Target::Text(path)
            | Target::Asset(path) => path.ends_with(name).then_some(path),
            Target::Library(_) => None,
        }
    }

    /// The page of the site: its addresses name the compiled files, and it links the style
    /// sheets that its scripts import, as Vite's build does.
    pub(super) fn written(&self, place: Place, styles: &[String]) -> String {
        let content = &self.file.content;
        let base = self.base(place);
        let mut written = String::with_capacity(content.len() + 256);
        let mut last = 0;
        for Address { start, end } in addresses(content) {
            let Some(path) = self.resolve(&content[start..end]) else { continue };
            let shown = path.strip_prefix(self.project.root()).unwrap_or(&path);
            let shown = match shown.strip_prefix("public/") {
                Some(public) => public.to_owned(),
                None if is_script(shown) => output_of(shown),
                None => shown.to_owned(),
            };
            written.push_str(&content[last..start]);
            written.push_str(&base);
            written.push_str(&encoded(&shown));
            last = end;
        }
        written.push_str(&content[last..]);
        if styles.is_empty() || self.scripts().is_empty() {
            return written;
        }
        let links: String = styles
            .iter()
            .map(|path| format!("<link rel=\"stylesheet\" href=\"{base}{}\">\n", encoded(path)))
            .collect();
        let at = find_ignoring_case(&written, "</head>")
            .or_else(|| find_ignoring_case(&written, "<body"))
            .or_else(|| find_ignoring_case(&written, "<script"));
        written.insert_str(at.unwrap_or(0), &links);
        written
    }

    /// What addresses of the site's files begin with in this page.
    fn base(&self, place: Place) -> String {
        let path = self.file.path.strip_prefix(self.project.root()).unwrap_or(&self.file.path);
        let path = path.strip_prefix("public/").unwrap_or(path);
        match (place, path.matches('/').count()) {
            (Place::Folder, depth) if depth > 0 => "../".repeat(depth),
            _ => place.base().to_owned(),
        }
    }
}

/// The values of `src` and `href` attributes, in the order of the text.
fn addresses(page: &str) -> Vec<Address> {
    let bytes = page.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(equals) = page[at..].find('=').map(|offset| at + offset) {
        at = equals + 1;
        let before = page[..equals].trim_end();
        let is_address = ["src", "href"].iter().any(|name| {
            let Some(start) = before.len().checked_sub(name.len() + 1) else { return false };
            before.as_bytes()[start].is_ascii_whitespace()
                && before.as_bytes()[start + 1..].eq_ignore_ascii_case(name.as_bytes())
        });
        if !is_address {
            continue;
        }
        let start = at + page[at..].len() - page[at..].trim_start().len();
        let (start, end) = match bytes.get(start) {
            Some(quote @ (b'"' | b'\'')) => {
                let inner = start + 1;
                let Some(length) = page[inner..].find(char::from(*quote)) else { break };
                (inner, inner + length)
            }
            _ => {
                let rest = &page[start..];
                let length = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
                (start, start + length)
            }
        };
        found.push(Address { start, end });
        at = end;
    }
    found
}

fn find_ignoring_case(page: &str, mark: &str) -> Option<usize> {
    page.to_ascii_lowercase().find(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<GeneratedFile> {
        [
            ("web/index.html", ""),
            ("web/src/main.tsx", ""),
            ("web/public/mark.svg", ""),
            ("web/public/analytics.js", ""),
            ("web/base.css", ""),
        ]
        .map(|(path, content)| GeneratedFile::new(path, content))
        .to_vec()
    }

    #[test]
    fn addresses_of_the_project_are_those_of_the_site() {
        let files = files();
        let project = Project::new(&files, "web/");
        let text = "<html><HEAD><link rel=icon href=/mark.svg><link rel=\"stylesheet\" href='base.css'>\
            <script src=\"/analytics.js\"></script><script src=https://cdn.example/a.js></script></HEAD>\
            <body><a href=\"#top\">x</a><script type=\"module\" src = \"/src/main.tsx\"></script></body></html>";
        let file = GeneratedFile::new("web/index.html", text);
        let page = Page::new(&file, &project);

        assert_eq!(page.scripts(), ["web/src/main.tsx"]);
        let shown = page.written(Place::Host, &["src/a b.css".to_owned()]);
        for part in [
            "href=/mark.svg>",
            "href='/base.css'",
            "src=\"/analytics.js\"",
            "src=https://cdn.example/a.js>",
            "href=\"#top\"",
            "src = \"/src/main.tsx.js\"",
            "<link rel=\"stylesheet\" href=\"/src/a%20b.css\">\n</HEAD>",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let folder = page.written(Place::Folder, &[]);
        assert!(
            folder.contains("src = \"./src/main.tsx.js\"") && folder.contains("href=./mark.svg>"),
            "{folder}"
        );
    }

    #[test]
    fn hostile_pages_end() {
        for text in ["<a href=\"", "<a href=", "=", " src", " src=é", "<a\u{a0}src=x", "src=a href=b"] {
            addresses(text);
        }
        assert_eq!(addresses(&" src=x".repeat(10_000)).len(), 10_000);
    }
}
