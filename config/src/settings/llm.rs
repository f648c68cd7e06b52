//! The model servers.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The provider of completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LlmProvider {
    /// `Openai` where there is a model server, otherwise `Scaffold`: see
    /// [`LlmSettings::resolved_provider`].
    Auto,
    /// Model servers.
    Openai,
    /// The built-in generator that needs no model.
    Scaffold,
}

/// `[llm]`
#[derive(Clone, Debug, Deserialize)]
pub struct LlmSettings {
    /// The provider of completions.
    pub provider: LlmProvider,
    /// Key of the model server; empty for none.
    pub api_key: SecretString,
    /// Base URL of the model server.
    pub base_url: String,
    /// Model of quick generations.
    pub quick_model: String,
    /// Model of advanced generations.
    pub advanced_model: String,
    /// Most tokens of one completion.
    pub max_output_tokens: u32,
    /// Seconds for a whole completion.
    pub timeout_secs: u64,
    /// Seconds between two chunks of a streamed completion.
    pub idle_timeout_secs: u64,
    /// Failures in a row that open the circuit of a model server.
    pub circuit_failures: u32,
    /// Seconds that it stays open.
    pub circuit_open_secs: u32,
    /// The server for requests that the first one fails. See [`LlmSettings::fallback_servers`].
    pub fallback: FallbackSettings,
    /// Further servers, in order, where that one fails too.
    pub fallbacks: Vec<FallbackSettings>,
    /// Key of Anthropic; empty for none.
    pub anthropic_api_key: SecretString,
    /// Key of Google; empty for none.
    pub gemini_api_key: SecretString,
    /// The model servers; empty for those of the keys. See [`LlmSettings::model_servers`].
    pub providers: Vec<ProviderSettings>,
    /// Names of the model servers for quick generations, in order; empty for all.
    pub quick: Vec<String>,
    /// Names of the model servers for advanced generations, in order; empty for all.
    pub advanced: Vec<String>,
    /// How often a model server is asked again.
    pub max_retries: u32,
    /// How often a truncated completion is continued.
    pub max_continuations: u32,
    /// Seconds of a generation with all its requests; 0 for no limit.
    pub budget_secs: u64,
    /// Tokens that a generation writes; 0 for no limit.
    pub budget_tokens: u64,
    /// Hundredths of the currency that a generation costs; 0 for no limit.
    pub budget_cents: u64,
}

/// `[llm.fallback]` and each of `[[llm.fallbacks]]`: a further model server.
#[derive(Clone, Debug, Deserialize)]
pub struct FallbackSettings {
    /// Base URL; empty for no fallback.
    pub base_url: String,
    /// Key; empty for none.
    #[serde(default)]
    pub api_key: SecretString,
    /// Name of the server.
    pub name: String,
    /// Model of quick generations; empty for that of `[llm]`.
    #[serde(default)]
    pub quick_model: String,
    /// Model of advanced generations; empty for that of `[llm]`.
    #[serde(default)]
    pub advanced_model: String,
}

/// The protocol of a model server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OpenAI's chat completions.
    Openai,
    /// Anthropic's messages.
    Claude,
    /// Google's `streamGenerateContent`.
    Gemini,
}

impl Protocol {
    /// The vendor's own server, and its models for quick and for advanced generations.
    const fn defaults(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Openai => ("https://api.openai.com/v1", "gpt-5-mini", "gpt-5"),
            Self::Claude => ("https://api.anthropic.com", "claude-haiku-4-5", "claude-sonnet-4-5"),
            Self::Gemini => {
                ("https://generativelanguage.googleapis.com", "gemini-2.5-flash", "gemini-2.5-pro")
            }
        }
    }
}

/// Prices for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct PriceSettings {
    /// For tokens read.
    pub input: f64,
    /// For tokens read from the server's cache; that of tokens read where it is absent.
    #[serde(default)]
    pub cached_input: Option<f64>,
    /// For tokens written.
    pub output: f64,
}

/// Each of `[[llm.providers]]`: a model server.
#[derive(Clone, Debug, Deserialize)]
pub struct ProviderSettings {
    /// Name in circuits, metrics and versions.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// Base URL; empty for the vendor's own.
    #[serde(default)]
    pub base_url: String,
    /// Key; empty for none.
    #[serde(default)]
    pub api_key: SecretString,
    /// Model of quick generations; empty for the default of the protocol.
    #[serde(default)]
    pub quick_model: String,
    /// Model of advanced generations; empty for the default of the protocol.
    #[serde(default)]
    pub advanced_model: String,
    /// Most tokens of a conversation.
    #[serde(default)]
    pub context_tokens: Option<u64>,
    /// Most requests in a minute.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Most tokens in a minute.
    #[serde(default)]
    pub tokens_per_minute: Option<u32>,
    /// Price of the model of quick generations.
    #[serde(default)]
    pub quick_price: PriceSettings,
    /// Price of the model of advanced generations.
    #[serde(default)]
    pub advanced_price: PriceSettings,
}

impl ProviderSettings {
    fn new(name: &str, protocol: Protocol, base_url: &str, api_key: &SecretString) -> Self {
        Self {
            name: name.to_owned(),
            protocol,
            base_url: base_url.to_owned(),
            api_key: api_key.clone(),
            quick_model: String::new(),
            advanced_model: String::new(),
            context_tokens: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            quick_price: PriceSettings::default(),
            advanced_price: PriceSettings::default(),
        }
    }

    /// The same with the values of the protocol where there are none.
    fn completed(mut self) -> Self {
        let (base_url, quick, advanced) = self.protocol.defaults();
        let fill = |own: &mut String, default: &str| {
            if own.is_empty() {
                default.clone_into(own);
            }
        };
        fill(&mut self.base_url, base_url);
        fill(&mut self.quick_model, quick);
        fill(&mut self.advanced_model, advanced);
        self
    }
}

impl LlmSettings {
    /// The model servers in the order of their sections, each with all its values: those of
    /// `[[llm.providers]]`, or else those of the keys, and after them the fallbacks.
    #[must_use]
    pub fn model_servers(&self) -> Vec<ProviderSettings> {
        let mut servers = self.providers.clone();
        if servers.is_empty() {
            servers = self.servers_of_keys();
        }
        servers.extend(self.fallback_servers().map(|fallback| {
            let or = |own: &str, first: &str| if own.is_empty() { first.to_owned() } else { own.to_owned() };
            let server = ProviderSettings::new(
                &fallback.name,
                Protocol::Openai,
                &fallback.base_url,
                &fallback.api_key,
            );
            ProviderSettings {
                quick_model: or(&fallback.quick_model, &self.quick_model),
                advanced_model: or(&fallback.advanced_model, &self.advanced_model),
                ..server
            }
        }));
        servers.into_iter().map(ProviderSettings::completed).collect()
    }

    /// The model servers that are called by these names, in their order; all where there is no
    /// name.
    #[must_use]
    pub fn ordered(&self, names: &[String]) -> Vec<ProviderSettings> {
        let servers = self.model_servers();
        if names.is_empty() {
            return servers;
        }
        let find = |name: &String| servers.iter().find(|server| server.name == *name).cloned();
        names.iter().filter_map(find).collect()
    }

    /// GPT, Claude and Gemini, as far as their keys are set. Where the provider is `Openai`,
    /// its server is used without a key too, unless only the others have keys.
    fn servers_of_keys(&self) -> Vec<ProviderSettings> {
        let is_set = |key: &SecretString| !key.expose_secret().is_empty();
        let (claude, gemini) = (is_set(&self.anthropic_api_key), is_set(&self.gemini_api_key));
        let needs_no_key = self.provider == LlmProvider::Openai && !claude && !gemini;
        let mut servers = Vec::new();
        if is_set(&self.api_key) || needs_no_key {
            servers.push(ProviderSettings {
                quick_model: self.quick_model.clone(),
                advanced_model: self.advanced_model.clone(),
                ..ProviderSettings::new("openai", Protocol::Openai, &self.base_url, &self.api_key)
            });
        }
        let vendors = [
            (claude, "claude", Protocol::Claude, &self.anthropic_api_key),
            (gemini, "gemini", Protocol::Gemini, &self.gemini_api_key),
        ];
        let used = vendors.into_iter().filter(|(is_used, ..)| *is_used);
        servers.extend(used.map(|(_, name, protocol, key)| ProviderSettings::new(name, protocol, "", key)));
        servers
    }
}

#[cfg(test)]
mod tests {
    use crate::Settings;

    use super::*;

    fn names(llm: &LlmSettings) -> Vec<String> {
        llm.model_servers().into_iter().map(|server| server.name).collect()
    }

    #[test]
    fn the_chain_of_the_keys_is_gpt_then_claude_then_gemini() {
        let mut llm = Settings::for_tests().llm;
        assert_eq!((names(&llm), llm.resolved_provider()), (Vec::new(), LlmProvider::Scaffold));
        llm.gemini_api_key = "g".into();
        llm.anthropic_api_key = "a".into();
        assert_eq!(
            (names(&llm), llm.resolved_provider()),
            (vec!["claude".into(), "gemini".into()], LlmProvider::Openai)
        );
        llm.api_key = "o".into();
        assert_eq!(names(&llm), ["openai", "claude", "gemini"]);
        let claude = &llm.model_servers()[1];
        assert_eq!(
            (claude.base_url.as_str(), claude.protocol),
            ("https://api.anthropic.com", Protocol::Claude)
        );
        llm.fallback.base_url = "https://spare.example/v1".into();
        assert_eq!(names(&llm), ["openai", "claude", "gemini", "fallback"]);
        assert_eq!(llm.model_servers()[3].quick_model, llm.quick_model);
    }

    #[test]
    fn sections_replace_the_servers_of_the_keys_and_names_order_them() {
        let mut llm = Settings::for_tests().llm;
        llm.api_key = "o".into();
        let one = |name| ProviderSettings::new(name, Protocol::Gemini, "", &SecretString::default());
        llm.providers = vec![one("one"), one("two")];
        assert_eq!(names(&llm), ["one", "two"]);
        let ordered = llm.ordered(&["two".into(), "one".into()]);
        assert_eq!((ordered[0].name.as_str(), ordered[0].quick_model.as_str()), ("two", "gemini-2.5-flash"));
        assert_eq!(llm.ordered(&[]).len(), 2);
    }

    #[test]
    fn a_server_without_a_key_is_used_if_the_provider_is_set() {
        let mut llm = Settings::for_tests().llm;
        llm.provider = LlmProvider::Openai;
        assert_eq!(names(&llm), ["openai"]);
        llm.anthropic_api_key = "a".into();
        assert_eq!(names(&llm), ["claude"]);
    }
}
