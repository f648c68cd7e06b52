//! The object store: a folder, or a bucket with the S3 protocol.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpClient, HttpConnector};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    Attribute, Attributes, ClientOptions, Error as StoreError, ObjectStore, ObjectStoreExt, PutOptions,
    RetryConfig,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::http::bounded_trusted_client;

const MAX_KEY_BYTES: usize = 900;
/// Longest key of S3, including the prefix.
const MAX_S3_KEY_BYTES: usize = 1_024;
/// Longest segment of a key. File names have at most 255 bytes, of which the store needs some
/// for temporary files.
const MAX_NAME_BYTES: usize = 240;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The store retries for a short time; after that the caller decides.
const MAX_RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// Where objects are stored.
#[derive(Debug, Clone)]
pub enum ObjectStoreOptions {
    /// A folder, which is created if it is missing.
    Folder(PathBuf),
    /// A bucket.
    S3(S3Options),
}

/// A bucket and its credentials.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// Name of the bucket.
    pub bucket: String,
    /// The prefix of every key; empty for none.
    pub prefix: String,
    /// `http(s)://` URL of the server; empty for Amazon's.
    pub endpoint: String,
    /// Name of the region.
    pub region: String,
    /// Access key; empty for the machine's role.
    pub access_key_id: String,
    /// Secret of the access key.
    pub secret_access_key: SecretString,
}

impl ObjectStoreOptions {
    /// Parses `file:///path` or `s3://bucket/prefix`; an empty URL is `default_folder`. `s3`
    /// has the other options of a bucket.
    pub fn from_url(url: &str, default_folder: PathBuf, s3: S3Options) -> Result<Self, ObjectError> {
        if url.is_empty() {
            return Ok(Self::Folder(default_folder));
        }
        let wrong = |what: &str| ObjectError::Misconfigured { message: what.to_owned() };
        let url = Url::parse(url).map_err(|_| wrong("the URL does not parse"))?;
        match (url.scheme(), url.host_str()) {
            ("file", _) => {
                let folder = url.to_file_path().map_err(|()| wrong("the URL has no absolute path"))?;
                Ok(Self::Folder(folder))
            }
            ("s3", Some(bucket)) => {
                let prefix = url.path().trim_matches('/').to_owned();
                Ok(Self::S3(S3Options { bucket: bucket.to_owned(), prefix, ..s3 }))
            }
            _ => Err(wrong("the URL is neither file:///path nor s3://bucket/prefix")),
        }
    }
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The key is empty, too long, absolute, leaves the store, or contains characters or names
    /// that not every store supports. No object can have it.
    #[error("not a valid object key: {key:?}")]
    InvalidKey {
        /// The key.
        key: String,
    },
    /// The settings of the store are invalid.
    #[error("the object store's settings are not valid: {message}")]
    Misconfigured {
        /// The invalid part.
        message: String,
    },
    /// The store failed.
    #[error("the object store failed: {message}")]
    Store {
        /// What happened.
        message: String,
    },
}

impl ObjectError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store { .. })
    }
}

/// The objects of this installation. Keys are relative paths with `/`.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    keeps_content_type: bool,
    longest_key: usize,
}

impl Objects {
    /// Opens the store. A folder is created; a bucket is not accessed yet.
    pub fn open(options: &ObjectStoreOptions) -> Result<Self, ObjectError> {
        match options {
            ObjectStoreOptions::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(|error| ObjectError::Misconfigured {
                    message: format!("{}: {error}", folder.display()),
                })?;
                let store =
                    LocalFileSystem::new_with_prefix(folder).map_err(|error| misconfigured(&error))?;
                let store = Arc::new(store.with_automatic_cleanup(true));
                Ok(Self { store, keeps_content_type: false, longest_key: MAX_KEY_BYTES })
            }
            ObjectStoreOptions::S3(options) => {
                let left = MAX_S3_KEY_BYTES.saturating_sub(options.prefix.len() + 1);
                let longest_key = left.min(MAX_KEY_BYTES);
                Ok(Self { store: open_s3(options)?, keeps_content_type: true, longest_key })
            }
        }
    }

    /// Stores `bytes` under `key` and replaces the previous object.
    pub async fn put(&self, key: &str, bytes: Bytes, content_type: &str) -> Result<(), ObjectError> {
        let path = self.path(key)?;
        let mut attributes = Attributes::new();
        if self.keeps_content_type {
            attributes.insert(Attribute::ContentType, content_type.to_owned().into());
        }
        let options = PutOptions { attributes, ..PutOptions::default() };
        self.store.put_opts(&path, bytes.into(), options).await.map_err(|error| failed(key, error))?;
        Ok(())
    }

    /// The bytes of an object, and the content type by the key's extension. None if there is
    /// no object, also if a segment of the key is a file or the last one is a folder.
    pub async fn get(&self, key: &str) -> Result<Option<(Bytes, String)>, ObjectError> {
        let path = self.path(key)?;
        let found = match self.store.get(&path).await {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(key, error)),
        };
        let bytes = found.bytes().await.map_err(|error| failed(key, error))?;
        Ok(Some((bytes, content_type_of(key))))
    }

    /// Deletes the object, if it exists.
    pub async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        let path = self.path(key)?;
        match self.store.delete(&path).await {
            Ok(()) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(failed(key, error)),
        }
    }

    /// Deletes every object under the folder `prefix`. Returns their number.
    pub async fn delete_prefix(&self, prefix: &str) -> Result<usize, ObjectError> {
        let path = self.path(prefix)?;
        let found = self.store.list(Some(&path)).map_ok(|meta| meta.location).boxed();
        let deleted: Vec<_> = self
            .store
            .delete_stream(found)
            .filter(|result| {
                let is_deleted = matches!(result, Err(StoreError::NotFound { .. }));
                std::future::ready(!is_deleted)
            })
            .try_collect()
            .await
            .map_err(|error| failed(prefix, error))?;
        Ok(deleted.len())
    }

    /// The keys of every object under the folder `prefix`, sorted.
    pub async fn list_prefix(&self, prefix: &str) -> Result<Vec<String>, ObjectError> {
        let path = self.path(prefix)?;
        let mut keys: Vec<String> = self
            .store
            .list(Some(&path))
            .map_ok(|meta| meta.location.to_string())
            .try_collect()
            .await
            .map_err(|error| failed(prefix, error))?;
        keys.sort_unstable();
        Ok(keys)
    }

    fn path(&self, key: &str) -> Result<Path, ObjectError> {
        if key.len() > self.longest_key {
            return Err(ObjectError::InvalidKey { key: key.to_owned() });
        }
        parse_key(key)
    }
}

/// Makes the store use our HTTP client, with the same certificates and time limits.
#[derive(Debug)]
struct TrustedConnector;

impl HttpConnector for TrustedConnector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        bounded_trusted_client(CONNECT_TIMEOUT, REQUEST_TIMEOUT)
            .map(HttpClient::new)
            .map_err(|error| StoreError::Generic { store: "S3", source: Box::new(error) })
    }
}

fn open_s3(options: &S3Options) -> Result<Arc<dyn ObjectStore>, ObjectError> {
    let is_plain = options.endpoint.starts_with("http://");
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&options.bucket)
        .with_region(&options.region)
        .with_http_connector(TrustedConnector)
        .with_retry(RetryConfig {
            max_retries: MAX_RETRIES,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        })
        .with_client_options(ClientOptions::new().with_allow_http(is_plain));
    if !options.endpoint.is_empty() {
        builder = builder.with_endpoint(&options.endpoint);
    }
    if !options.access_key_id.is_empty() {
        builder = builder
            .with_access_key_id(&options.access_key_id)
            .with_secret_access_key(options.secret_access_key.expose_secret());
    }
    let store = builder.build().map_err(|error| misconfigured(&error))?;
    if options.prefix.is_empty() {
        return Ok(Arc::new(store));
    }
    Ok(Arc::new(PrefixStore::new(store, parse_key(&options.prefix)?)))
}

/// The content type that browsers expect for a key's extension.
pub fn content_type_of(key: &str) -> String {
    let guess = mime_guess::from_path(key).first_or_octet_stream();
    match guess.type_() {
        mime_guess::mime::TEXT => format!("{}; charset=utf-8", guess.essence_str()),
        _ => guess.essence_str().to_owned(),
    }
}

fn parse_key(key: &str) -> Result<Path, ObjectError> {
    let is_valid = |segment: &str| {
        !segment.is_empty()
            && segment.len() <= MAX_NAME_BYTES
            && !is_temporary_name(segment)
            && segment != "."
            && segment != ".."
            && !segment.contains('\\')
            && !segment.chars().any(char::is_control)
    };
    if key.len() > MAX_KEY_BYTES || !key.split('/').all(is_valid) {
        return Err(ObjectError::InvalidKey { key: key.to_owned() });
    }
    Path::parse(key).map_err(|_| ObjectError::InvalidKey { key: key.to_owned() })
}

/// Whether the name looks like a temporary file of the folder store.
fn is_temporary_name(name: &str) -> bool {
    name.split_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Whether the error means that there is no object. A folder reports that in several ways: a
/// segment of the path is a file, the path is a folder, or no file can have the name.
fn is_absent(error: &StoreError) -> bool {
    use std::io::ErrorKind::{InvalidFilename, IsADirectory, NotADirectory, NotFound};
    if matches!(error, StoreError::NotFound { .. }) {
        return true;
    }
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return matches!(error.kind(), NotFound | NotADirectory | IsADirectory | InvalidFilename);
        }
        cause = error.source();
    }
    false
}

fn failed(key: &str, error: StoreError) -> ObjectError {
    match error {
        StoreError::InvalidPath { .. } => ObjectError::InvalidKey { key: key.to_owned() },
        error => ObjectError::Store { message: error.to_string() },
    }
}

fn misconfigured(error: &StoreError) -> ObjectError {
    ObjectError::Misconfigured { message: error.to_string() }
}

#[cfg(test)]
mod tests;
