/// What a peer is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Language {
    Node,
    Ruby,
    Python,
    Rust,
}
