//! What an application is written with: as the request says, or as its words tell.

use atelier_entities::{ProjectKind, ProjectStack};

use crate::file::GeneratedFile;

/// The stack of an application that does not name one: that of its files, or of the words of
/// its description.
#[must_use]
pub fn derive_stack(kind: ProjectKind, description: &str, files: &[GeneratedFile]) -> ProjectStack {
    if !files.is_empty() {
        return of_files(files);
    }
    let text = description.to_lowercase();
    let has = |words: &[&str]| {
        words.iter().any(|word| text.split(|c: char| !c.is_alphanumeric()).any(|part| part == *word))
    };
    // The library is written with a capital; people and chemicals react too.
    let is_library = description.split(|c: char| !c.is_alphanumeric()).any(|word| word == "React");
    let react = is_library || has(&["reactjs", "vite", "tsx"]);
    let python = has(&["fastapi", "python"]);
    let express = has(&["express", "expressjs"]);
    let both = has(&["fullstack"]) || text.contains("full-stack") || text.contains("full stack");
    match (kind, react) {
        _ if both || (react && (python || express)) => ProjectStack::FullStack,
        (ProjectKind::Api, _) if python => ProjectStack::FastApi,
        (ProjectKind::Api, _) if express => ProjectStack::Express,
        (ProjectKind::Api, _) => ProjectStack::Plain,
        (_, true) => ProjectStack::React,
        (_, false) => ProjectStack::Plain,
    }
}

fn of_files(files: &[GeneratedFile]) -> ProjectStack {
    let manifests = |name: &str, word: &str| {
        files.iter().any(|file| file.path.rsplit('/').next() == Some(name) && file.content.contains(word))
    };
    let react = manifests("package.json", "\"react\"");
    let (python, express) =
        (manifests("requirements.txt", "fastapi"), manifests("package.json", "\"express\""));
    match (react, python, express) {
        (true, false, false) => ProjectStack::React,
        (true, ..) => ProjectStack::FullStack,
        (false, true, _) => ProjectStack::FastApi,
        (false, false, true) => ProjectStack::Express,
        (false, false, false) => ProjectStack::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_description_tell_the_stack() {
        for (kind, description, stack) in [
            (ProjectKind::WebApp, "A reading list", ProjectStack::Plain),
            (ProjectKind::WebApp, "A reading list with React", ProjectStack::React),
            (ProjectKind::WebApp, "People react to posts", ProjectStack::Plain),
            (ProjectKind::WebApp, "A reaction test", ProjectStack::Plain),
            (ProjectKind::Api, "Books", ProjectStack::Plain),
            (ProjectKind::Api, "Books, in Python", ProjectStack::FastApi),
            (ProjectKind::Api, "Books with Express.", ProjectStack::Express),
            (ProjectKind::WebApp, "React in front of FastAPI", ProjectStack::FullStack),
            (ProjectKind::WebApp, "A full-stack shop", ProjectStack::FullStack),
        ] {
            assert_eq!(derive_stack(kind, description, &[]), stack, "{description}");
        }
    }

    #[test]
    fn a_change_keeps_the_stack_of_the_files() {
        let file = GeneratedFile::new;
        let react = file("web/package.json", "{\"dependencies\": {\"react\": \"19\"}}");
        let api = file("requirements.txt", "fastapi==0.115\n");
        let derive =
            |files: &[GeneratedFile]| derive_stack(ProjectKind::WebApp, "Now with Python, please", files);
        assert_eq!(derive(std::slice::from_ref(&react)), ProjectStack::React);
        assert_eq!(derive(&[react, api]), ProjectStack::FullStack);
        assert_eq!(derive(&[file("index.html", "<p>")]), ProjectStack::Plain);
    }
}
