use std::collections::BTreeMap;

use super::*;

/// The files as a listener builds them, with their last state.
fn rebuilt(events: &[Told]) -> BTreeMap<String, (String, &'static str)> {
    let mut files: BTreeMap<String, (String, &'static str)> = BTreeMap::new();
    for event in events {
        match event {
            Told::File(event) if event.state == DROPPED => drop(files.remove(&event.path)),
            Told::File(event) => {
                let file = files.entry(event.path.clone()).or_default();
                file.0.truncate(event.offset);
                assert_eq!(file.0.len(), event.offset, "no piece is missing");
                file.0.push_str(&event.text);
                file.1 = event.state;
                assert!(event.text.len() <= MAX_PIECE && event.bytes == file.0.len());
            }
            Told::Restarted(restarted) => files.retain(|path, _| restarted.kept_files.contains(path)),
        }
    }
    files
}

fn restart(watch: &mut FileWatch, kept: usize) {
    watch.restart("second".to_owned(), "large".to_owned(), kept);
}

const TWO: &str = "Here.\n\n```html path=index.html\n<p>é</p>\n```\n\n~~~css path=a/b.css\nb {}\n~~~\n";

#[test]
fn pieces_may_split_the_answer_anywhere() {
    for size in 1..TWO.len() {
        let mut watch = FileWatch::default();
        let mut events = Vec::new();
        let chars: Vec<char> = TWO.chars().collect();
        for piece in chars.chunks(size) {
            watch.push(&piece.iter().collect::<String>());
            events.extend(watch.take(true));
        }
        let files = rebuilt(&events);
        assert_eq!(files["index.html"], ("<p>é</p>\n".to_owned(), DONE), "{size}");
        assert_eq!(files["a/b.css"], ("b {}\n".to_owned(), DONE), "{size}");
        assert_eq!((files.len(), watch.bytes(), watch.current()), (2, TWO.len(), Some("a/b.css")));
    }
}

#[test]
fn a_file_is_told_as_soon_as_its_first_line_is_there() {
    let mut watch = FileWatch::default();
    watch.push("```html path=index.html");
    assert!(!watch.has_news());
    watch.push("\n");
    assert!(watch.is_urgent());
    let first =
        FileEvent { path: "index.html".to_owned(), state: WRITING, offset: 0, bytes: 0, text: String::new() };
    assert_eq!(watch.take(false), [Told::File(first)]);
    watch.push("<p>\n");
    assert!(watch.has_news() && !watch.is_urgent(), "a little text can wait");
}

#[test]
fn fences_inside_a_file_belong_to_it() {
    let readme = "# A\n```bash\nnpm i\n```\nmore\n";
    for answer in [
        format!("```markdown path=README.md\n{readme}```\n"),
        format!("````markdown path=README.md\n{readme}```js path=x.js\n```\n````\n"),
    ] {
        let mut watch = FileWatch::default();
        watch.push(&answer);
        let files = rebuilt(&watch.take(true));
        assert_eq!(files.keys().collect::<Vec<_>>(), ["README.md"]);
        assert!(files["README.md"].0.starts_with(readme));
        assert_eq!(files["README.md"].1, DONE);
    }
}

#[test]
fn a_file_that_begins_inside_another_one_drops_that() {
    let mut watch = FileWatch::default();
    watch.push("```html path=a.html\n<p>\n```css path=a.css\nb {}\n```\n");
    let files = rebuilt(&watch.take(true));
    assert_eq!(files.keys().collect::<Vec<_>>(), ["a.css"]);
}

#[test]
fn a_restart_keeps_the_whole_files_and_drops_the_open_one() {
    let mut watch = FileWatch::default();
    let kept = TWO.find("~~~").expect("the second file");
    watch.push(&TWO[..TWO.len() - 4]);
    let mut events = watch.take(true);
    restart(&mut watch, kept);
    events.extend(watch.take(true));
    assert_eq!(rebuilt(&events).keys().collect::<Vec<_>>(), ["index.html"]);
    let Some(Told::Restarted(restarted)) = events.last() else { panic!("{events:?}") };
    assert_eq!(
        (restarted.provider.as_str(), restarted.kept_files.as_slice()),
        ("second", &["index.html".to_owned()][..])
    );
    watch.push("~~~css path=a/b.css\nb { color: red }\n~~~\n");
    events.extend(watch.take(true));
    assert_eq!(rebuilt(&events)["a/b.css"], ("b { color: red }\n".to_owned(), DONE));
}

#[test]
fn a_restart_from_the_beginning_drops_everything() {
    let mut watch = FileWatch::default();
    watch.push(TWO);
    restart(&mut watch, 0);
    assert!(rebuilt(&watch.take(true)).is_empty());
    assert_eq!((watch.bytes(), watch.current()), (0, None));
}

#[test]
fn a_continuation_in_the_middle_of_a_file_goes_on_where_the_file_was_cut() {
    let begin = "```js path=a.js\none\ntwo\nthr";
    for told_before in [true, false] {
        let mut watch = FileWatch::default();
        watch.push(begin);
        let mut events = watch.take(told_before);
        restart(&mut watch, begin.len() - 3 - 4);
        watch.push("TWO\nthree\n```\n");
        events.extend(watch.take(true));
        assert_eq!(rebuilt(&events)["a.js"], ("one\nTWO\nthree\n".to_owned(), DONE), "{told_before}");
    }
}

#[test]
fn blocks_that_change_a_file_are_told_without_their_text() {
    let mut watch = FileWatch::default();
    let block = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n";
    watch.push(&format!("```search/replace path=a.js\n{block}```\n```delete path=old.js\n```\n"));
    let files = rebuilt(&watch.take(true));
    assert_eq!(files.into_iter().collect::<Vec<_>>(), [("a.js".to_owned(), (String::new(), DONE))]);
}

#[test]
fn long_lines_and_long_files_are_told_in_bounded_pieces() {
    let mut watch = FileWatch::default();
    watch.push("```js path=a.js\n");
    (0..10_000).for_each(|_| watch.push("xxxxéxxxxx"));
    assert!(watch.line.len() <= MAX_LINE + 16 && watch.is_urgent());
    watch.push("\n```\n");
    let events = watch.take(true);
    assert_eq!(rebuilt(&events)["a.js"].0.len(), 10_000 * 11 + 1);
    assert!(events.len() > 6);
}
