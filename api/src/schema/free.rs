//! What has no fixed fields: free objects, trees of files, files.

#[cfg(test)]
mod described;

/// An object whose fields are not fixed.
pub(crate) enum JsonObject {}

/// A folder: what is in it by name.
pub(crate) enum FileTree {}

/// The bytes of a file.
pub(crate) enum FileContent {}
