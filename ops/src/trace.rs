//! W3C trace context, which links a request to the jobs it caused.

use std::fmt;
use std::str::FromStr;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Name of the HTTP header that carries a [`TraceParent`].
pub const TRACE_PARENT_HEADER: &str = "traceparent";

/// A position in a trace. Its text is the header's value in version 00:
/// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

/// The text is not a trace parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a traceparent such as 00-<32 hex digits>-<16 hex digits>-01")]
pub struct TraceParentError;

impl TraceParent {
    /// The trace, as 32 hex digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        TraceId::from_bytes(self.trace_id).to_string()
    }

    fn from_context(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace_id: context.trace_id().to_bytes(),
            span_id: context.span_id().to_bytes(),
            flags: context.trace_flags().to_u8(),
        })
    }

    fn to_context(self) -> Context {
        Context::new().with_remote_span_context(SpanContext::new(
            TraceId::from_bytes(self.trace_id),
            SpanId::from_bytes(self.span_id),
            TraceFlags::new(self.flags).with_sampled(self.flags & 1 == 1),
            true,
            TraceState::NONE,
        ))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.span_id));
        write!(f, "00-{trace:032x}-{span:016x}-{:02x}", self.flags)
    }
}

impl FromStr for TraceParent {
    type Err = TraceParentError;

    /// Reads version 00, and the fields of version 00 from later versions, as W3C requires.
    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        let mut parts = text.split('-');
        let mut next = |digits| parts.next().and_then(|part| parse_hex(part, digits)).ok_or(TraceParentError);
        let version = next(2)?;
        let trace_id = next(32)?;
        let span_id = next(16)?;
        let flags = next(2)?;
        let whole = parts.next().is_none();
        if version == 0xff || (version == 0 && !whole) || trace_id == 0 || span_id == 0 {
            return Err(TraceParentError);
        }
        let span_id = u64::try_from(span_id).map_err(|_| TraceParentError)?;
        let flags = u8::try_from(flags).map_err(|_| TraceParentError)?;
        Ok(Self { trace_id: trace_id.to_be_bytes(), span_id: span_id.to_be_bytes(), flags })
    }
}

fn parse_hex(part: &str, digits: usize) -> Option<u128> {
    let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let fits = part.len() == digits && part.bytes().all(lower_hex);
    if fits { u128::from_str_radix(part, 16).ok() } else { None }
}

/// The trace parent of the current span, to be stored with a job or sent with a request.
/// None outside of spans, or where logging is not set up.
#[must_use]
pub fn current_trace_parent() -> Option<String> {
    let context = Span::current().context();
    TraceParent::from_context(context.span().span_context()).map(|parent| parent.to_string())
}

/// Makes `span` a child of `traceparent`. Call it before the span has children and before
/// [`current_trace_parent`] is called in it. An invalid text is ignored: the span then
/// starts a new trace.
pub fn set_parent(span: &Span, traceparent: &str) {
    let Ok(parent) = traceparent.parse::<TraceParent>() else { return };
    if let Err(error) = span.set_parent(parent.to_context()) {
        tracing::trace!(%error, "the span keeps its parent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn reads_and_writes_a_trace_parent() {
        let parent: TraceParent = PARENT.parse().expect("valid");
        assert_eq!(parent.to_string(), PARENT);
        assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn reads_later_versions() {
        let later: TraceParent = PARENT.replacen("00", "cc", 1).parse().expect("the fields of version 00");
        assert_eq!(later.to_string(), PARENT);
        let longer: TraceParent = format!("{}-what", PARENT.replacen("00", "cc", 1)).parse().expect("valid");
        assert_eq!(longer.to_string(), PARENT);
    }

    #[test]
    fn rejects_what_w3c_rejects() {
        let wrong = [
            String::new(),
            "00".to_owned(),
            format!("{PARENT}-more"),
            PARENT.to_uppercase(),
            PARENT.replacen("00-", "ff-", 1),
            PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            PARENT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            PARENT.replace("4bf9", "+bf9"),
            PARENT.replace('-', "_"),
            PARENT[1..].to_owned(),
        ];
        for text in wrong {
            assert_eq!(text.parse::<TraceParent>(), Err(TraceParentError), "{text}");
        }
    }

    #[test]
    fn nothing_is_current_outside_of_a_span() {
        assert_eq!(current_trace_parent(), None);
    }
}
