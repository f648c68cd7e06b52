//! Logs on standard error and traces to an OTLP collector.

use std::io::IsTerminal;
use std::time::Duration;

use atelier_config::{LogFormat, TelemetrySettings};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::error::OpsError;
use crate::json_lines::{self, JsonLines};
use crate::terminal;

/// The time limit for sending the last spans to the collector.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Keeps tracing active. Dropping it sends the remaining spans, which blocks for at most
/// three seconds: keep it until the end of `main`.
#[derive(Debug)]
#[must_use = "dropping the guard ends tracing"]
pub struct Guard {
    provider: SdkTracerProvider,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FLUSH_TIMEOUT) {
            tracing::warn!(%error, "the last spans did not reach the OTLP collector");
        }
    }
}

/// Sets up logs and traces of this process; both contain `role`.
///
/// Every span belongs to a trace, so that trace context passes from requests to jobs even
/// where no collector is configured and no span is sent. A failure of the collector is
/// logged and never stops the process.
///
/// # Errors
/// The filter or the endpoint is invalid, or logging is already set up.
pub fn init(settings: &TelemetrySettings, role: &str) -> Result<Guard, OpsError> {
    let ansi = std::io::stderr().is_terminal();
    let (subscriber, guard) = subscriber(settings, role, std::io::stderr, ansi)?;
    subscriber.try_init()?;
    if settings.log_format == LogFormat::Json {
        write_panics_as_json(role);
    }
    Ok(guard)
}

/// Writes why a process ends to standard error, in the format of its logs and regardless
/// of their filter. With [`LogFormat::Json`] that is one line with this `target`.
pub fn log_fatal(format: LogFormat, role: &str, target: &str, message: &str) {
    match format {
        LogFormat::Pretty => terminal::print_error(message),
        LogFormat::Json => terminal::print_error(json_lines::write_line(role, target, message)),
    }
}

/// Writes panics as lines of JSON too.
fn write_panics_as_json(role: &str) {
    let role = role.to_owned();
    std::panic::set_hook(Box::new(move |panic| {
        terminal::print_error(json_lines::write_line(&role, "panic", &panic.to_string()));
    }));
}

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

fn subscriber<W>(
    settings: &TelemetrySettings,
    role: &str,
    writer: W,
    ansi: bool,
) -> Result<(impl Subscriber + for<'span> LookupSpan<'span> + Send + Sync + use<W>, Guard), OpsError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&settings.log_filter)?;
    let lines: BoxedLayer = match settings.log_format {
        LogFormat::Pretty => fmt::layer().with_ansi(ansi).with_writer(writer).with_filter(filter).boxed(),
        LogFormat::Json => fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines { role: role.to_owned() })
            .with_writer(writer)
            .with_filter(filter)
            .boxed(),
    };
    let (provider, is_sent) = (provider(settings, role)?, !endpoint(settings).is_empty());
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("atelier"))
        .with_context_activation(false)
        // Where no span is sent, only the trace context of a span is used.
        .with_location(is_sent)
        .with_threads(is_sent)
        .with_tracked_inactivity(is_sent)
        .with_filter(traced().and(filter_fn(move |metadata| is_sent || metadata.is_span())))
        .boxed();
    Ok((tracing_subscriber::registry().with(vec![lines, spans]), Guard { provider }))
}

/// What is traced: `info` and above regardless of the log filter, except for the exporter
/// itself.
fn traced() -> Targets {
    let own = [
        "opentelemetry",
        "opentelemetry_sdk",
        "opentelemetry_otlp",
        "opentelemetry-otlp",
        "reqwest",
        "hyper",
    ];
    Targets::new().with_default(LevelFilter::INFO).with_targets(own.map(|target| (target, LevelFilter::OFF)))
}

fn endpoint(settings: &TelemetrySettings) -> &str {
    settings.otlp_endpoint.trim_end_matches('/')
}

fn provider(settings: &TelemetrySettings, role: &str) -> Result<SdkTracerProvider, OpsError> {
    let builder = SdkTracerProvider::builder();
    let endpoint = endpoint(settings);
    if endpoint.is_empty() {
        return Ok(builder.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))).build());
    }
    ensure_crypto_provider();
    let exporter = SpanExporter::builder().with_http().with_endpoint(format!("{endpoint}/v1/traces")).build();
    let exporter = exporter.map_err(|error| OpsError::Exporter(error.to_string()))?;
    let resource = Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.role", role.to_owned()))
        .build();
    Ok(builder
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build())
}

/// Installs a TLS provider: without one, the HTTP client of the exporter panics. A
/// provider that is already installed stays.
fn ensure_crypto_provider() {
    let _chosen = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests;
