//! A minimal browser for sign-ins: it follows redirects, stores cookies and posts forms.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::{FRONTEND_URL, PUBLIC_URL};
use crate::client::{Client, Reply};

const MAX_STEPS: usize = 12;

/// A browser with its own cookies.
#[derive(Clone)]
pub struct Browser {
    client: Client,
    instance: String,
    cookies: BTreeMap<(String, String), Cookie>,
}

#[derive(Clone)]
struct Cookie {
    value: String,
    is_cross_site: bool,
}

/// The parameters in the fragment of the frontend's URL, by name.
pub type FragmentParams = BTreeMap<String, String>;

/// The next step of the browser.
enum Step {
    /// Open a URL.
    Open(Url),
    /// Post the form of another site's page.
    Post(Url, Vec<(String, String)>),
}

impl Browser {
    /// A browser that maps the instance's public URL to that of this client.
    #[must_use]
    pub fn new(instance: &Client) -> Self {
        Self { client: Client::new(""), instance: instance.base().to_owned(), cookies: BTreeMap::new() }
    }

    /// Begins a sign-in as this person and returns the redirect of the provider to the instance.
    ///
    /// # Panics
    /// If the sign-in ends elsewhere.
    pub async fn authorize(&mut self, provider: &str, person: &Value) -> ProviderRedirect {
        let begun = self.open(&format!("{PUBLIC_URL}/api/auth/{provider}/login")).await.expect(302);
        self.authorize_at(begun.header("location"), &form("person", &person.to_string())).await
    }

    /// Like [`Self::authorize`], but the person cancels with this error.
    ///
    /// # Panics
    /// If the sign-in ends elsewhere.
    pub async fn refuse(&mut self, provider: &str, error: &str) -> ProviderRedirect {
        let begun = self.open(&format!("{PUBLIC_URL}/api/auth/{provider}/login")).await.expect(302);
        self.authorize_at(begun.header("location"), &form("error", error)).await
    }

    /// Like [`Self::authorize`], starting at a URL of the provider.
    ///
    /// # Panics
    /// If the sign-in ends elsewhere.
    pub async fn authorize_at(&mut self, address: &str, login: &str) -> ProviderRedirect {
        let mut step = Step::Open(Url::parse(address).expect("an address"));
        for _ in 0..MAX_STEPS {
            let (url, fields) = match step {
                Step::Open(url) => (url, Vec::new()),
                Step::Post(url, fields) => (url, fields),
            };
            if url.as_str().starts_with(PUBLIC_URL) {
                return ProviderRedirect { url, form: fields };
            }
            let reply = if url.path().contains("/interaction/") {
                self.post(&url, login.to_owned(), true).await
            } else {
                self.open(url.as_str()).await
            };
            step = next(&url, &reply);
        }
        panic!("the sign-in does not end");
    }

    /// Signs in as this person and returns the parameters for the frontend.
    ///
    /// # Panics
    /// If the sign-in ends elsewhere.
    pub async fn sign_in(&mut self, provider: &str, person: &Value) -> FragmentParams {
        let back = self.authorize(provider, person).await;
        self.follow_redirect(&back).await
    }

    /// Follows the redirect to the instance and returns the parameters for the frontend.
    ///
    /// # Panics
    /// If it does not lead to the frontend.
    pub async fn follow_redirect(&mut self, back: &ProviderRedirect) -> FragmentParams {
        let reply = if back.form.is_empty() {
            self.open(back.url.as_str()).await
        } else {
            self.post(&back.url, back.body(), false).await
        };
        fragment_params(&reply)
    }

    /// Opens a URL.
    ///
    /// # Panics
    /// If it is invalid.
    pub async fn open(&mut self, address: &str) -> Reply {
        let url = Url::parse(address).expect("an address");
        let cookies = self.cookies_for(&url, true);
        let call = self.client.get(&self.reach(&url)).header("accept", "text/html,*/*;q=0.8");
        self.keep(&url, call.header("cookie", &cookies).send().await)
    }

    async fn post(&mut self, url: &Url, body: String, is_same_site: bool) -> Reply {
        let cookies = self.cookies_for(url, is_same_site);
        let call = self.client.post(&self.reach(url)).header("cookie", &cookies);
        let reply = call.body("application/x-www-form-urlencoded", body).send().await;
        self.keep(url, reply)
    }

    fn reach(&self, url: &Url) -> String {
        url.as_str().replacen(PUBLIC_URL, &self.instance, 1)
    }

    fn cookies_for(&self, url: &Url, is_same_site: bool) -> String {
        let origin = url.origin().ascii_serialization();
        let sent = self
            .cookies
            .iter()
            .filter(|((other, _), cookie)| *other == origin && (is_same_site || cookie.is_cross_site));
        sent.map(|((_, name), cookie)| format!("{name}={}", cookie.value)).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, url: &Url, reply: Reply) -> Reply {
        let origin = url.origin().ascii_serialization();
        for line in reply.headers.get_all("set-cookie") {
            let line = line.to_str().expect("text");
            let (name, rest) = line.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            let attributes = rest.to_ascii_lowercase();
            let is_cross_site = attributes.contains("samesite=none") && attributes.contains("secure");
            assert!(!name.starts_with("__Host-") || attributes.contains("secure"), "{line}");
            let key = (origin.clone(), name.to_owned());
            if attributes.contains("max-age=0") || value.is_empty() {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, Cookie { value: value.to_owned(), is_cross_site });
            }
        }
        reply
    }

    /// The number of cookies of unfinished sign-ins.
    #[must_use]
    pub fn count_cookies(&self) -> usize {
        let under_way = |name: &str| name.contains("atelier_oauth_");
        self.cookies.keys().filter(|(origin, name)| origin == PUBLIC_URL && under_way(name)).count()
    }
}

/// The redirect of a provider to the instance.
#[derive(Clone, Debug)]
pub struct ProviderRedirect {
    /// Its URL.
    pub url: Url,
    /// The fields of a form that is posted; empty for a plain redirect.
    pub form: Vec<(String, String)>,
}

impl ProviderRedirect {
    /// A parameter of the query or the form; empty if it is missing.
    #[must_use]
    pub fn get(&self, name: &str) -> String {
        let in_query = self.url.query_pairs().find(|(key, _)| key == name);
        let in_form = self.form.iter().find(|(key, _)| key == name);
        let value = in_query.map(|(_, value)| value.into_owned());
        value.or_else(|| in_form.map(|(_, value)| value.clone())).unwrap_or_default()
    }

    /// Sets a parameter, or removes it for `None`.
    #[must_use]
    pub fn with(&self, name: &str, value: Option<&str>) -> Self {
        let change = |pairs: Vec<(String, String)>| -> Vec<(String, String)> {
            let others = pairs.into_iter().filter(|(key, _)| key != name);
            others.chain(value.map(|value| (name.to_owned(), value.to_owned()))).collect()
        };
        if !self.form.is_empty() {
            return Self { url: self.url.clone(), form: change(self.form.clone()) };
        }
        let pairs = change(self.url.query_pairs().into_owned().collect());
        let mut url = self.url.clone();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        Self { url, form: Vec::new() }
    }

    fn body(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish()
    }
}

fn form(name: &str, value: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}

/// The parameters for the frontend in a redirect to it.
///
/// # Panics
/// If it leads elsewhere, or the query is not empty.
fn fragment_params(reply: &Reply) -> FragmentParams {
    assert_eq!(reply.status, 302, "{}", reply.text());
    let address = reply.header("location");
    let fragment = address.strip_prefix(FRONTEND_URL).and_then(|rest| rest.strip_prefix("/auth/callback#"));
    let fragment = fragment.unwrap_or_else(|| panic!("{address} is not the frontend's"));
    url::form_urlencoded::parse(fragment.as_bytes()).into_owned().collect()
}

fn next(at: &Url, reply: &Reply) -> Step {
    if matches!(reply.status, 302 | 303) {
        return Step::Open(at.join(reply.header("location")).expect("an address"));
    }
    // A page that posts an error has the status of an error.
    assert!(matches!(reply.status, 200 | 400 | 500), "{at}: {}", reply.text());
    let page = reply.text();
    let action = between(&page, "action=\"", "\"").unwrap_or_else(|| panic!("{at} has no form: {page}"));
    let inputs = page.split("<input type=\"hidden\" ").skip(1).map(|input| {
        let attribute = |start: &str| between(input, start, "\"").expect("an attribute");
        (attribute("name=\""), attribute("value=\""))
    });
    Step::Post(Url::parse(&action).expect("an address"), inputs.collect())
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let found = text.split_once(start)?.1.split_once(end)?.0;
    Some(found.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&"))
}
