//! What is asked for an endpoint.

use std::time::Duration;

use piton_shared::{
    limits::{EVENT_NAME_BYTES, NAME_BYTES, WEBHOOK_PATTERNS, WEBHOOK_TOLERANCE, WEBHOOK_TOLERANCE_MAX},
    name::Queue,
    trigger::{NamePattern, Provider},
};
use piton_webhook::{Algorithm, DeduplicateBy, Encoding, EventPlace, HmacTerms, Scheme, Secret, SecretError, Template};
use rand::Rng as _;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    api::{
        document::shapes,
        fields::{Fields, check_text},
        limits,
        problem::{FieldError, Problem},
    },
    store::EndpointChange,
    webhook::EndpointState,
};

const FOR_HMAC_ONLY: &str = "is for the provider `hmac` only";

/// What makes a webhook.
#[derive(ToSchema)]
#[schema(as = CreateWebhook)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(super) struct CreateBody {
    /// By which you know it, and workflows too: letters, digits, `_` and `-`.
    #[schema(schema_with = shapes::token)]
    name: (),
    /// Who signs.
    #[schema(value_type = shapes::Provider)]
    provider: (),
    /// What is signed with, at least 16 bytes; one is made if there is none.
    #[schema(schema_with = shapes::secret, required = false)]
    secret: (),
    /// What you call that secret.
    #[schema(schema_with = shapes::maybe_sentence, required = false)]
    secret_label: (),
    /// Which events it takes, as patterns over the provider's own names; all if there are none.
    #[schema(schema_with = shapes::patterns, required = false)]
    events: (),
    /// How far the time of a signature may lie from now; five minutes if not said.
    #[schema(schema_with = shapes::duration, required = false)]
    tolerance: (),
    /// How a generic one is signed.
    #[schema(value_type = Option<HmacBody>, required = false)]
    hmac: (),
}

/// What changes a webhook.
#[derive(ToSchema)]
#[schema(as = ChangeWebhook)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(super) struct ChangeBody {
    /// Whether it takes anything: `active` or `paused`.
    #[schema(value_type = Option<EndpointState>, required = false)]
    state: (),
    /// Which events it takes; an empty list stands for all.
    #[schema(schema_with = shapes::patterns, required = false)]
    events: (),
    /// How far the time of a signature may lie from now.
    #[schema(schema_with = shapes::duration, required = false)]
    tolerance: (),
    /// How a generic one is signed, as a whole.
    #[schema(value_type = Option<HmacBody>, required = false)]
    hmac: (),
}

/// How somebody signs.
#[derive(ToSchema)]
#[schema(as = HmacTerms)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(super) struct HmacBody {
    /// The header that has the signature.
    #[schema(schema_with = shapes::name)]
    signature_header: (),
    /// The hash; SHA-256 if not said.
    #[schema(value_type = Option<shapes::HmacAlgorithm>, required = false)]
    algorithm: (),
    /// How a signature is written; hexadecimal if not said.
    #[schema(value_type = Option<shapes::HmacEncoding>, required = false)]
    encoding: (),
    /// What stands before a signature, such as `sha256=`.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    prefix: (),
    /// What is signed: `{body}`, `{timestamp}.{body}`, `{id}.{timestamp}.{body}` and the like; the body if not said.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    template: (),
    /// The header that has the time in seconds.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    timestamp_header: (),
    /// The header that has the delivery's id.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    id_header: (),
    /// The header that has the event's name.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    event_header: (),
    /// Where in the body the event's name stands, as a JSON pointer.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    event_pointer: (),
    /// How a repeated delivery is recognized. Unset, it is `id` where `id_header` is named, else `content`: then two
    /// deliveries with equal signed content within seven days are one event, even if the sender means two. With `none` each
    /// delivery is an event, a retry too.
    #[schema(value_type = Option<shapes::DeduplicateBy>, required = false)]
    deduplicate_by: (),
}

/// The secret that somebody asks for.
#[derive(Debug)]
pub(super) enum AskedSecret {
    /// This one.
    Given(Secret),
    /// One that nobody knows yet.
    Made,
}

impl AskedSecret {
    pub(super) fn read(fields: &mut Fields) -> Self {
        fields.checked("secret", Secret::new).map_or(Self::Made, Self::Given)
    }

    /// Whether a provider can sign with it, and nobody can guess it.
    pub(super) fn check(&self, provider: Provider) -> Result<(), SecretError> {
        match self {
            Self::Given(secret) => secret.check(provider),
            Self::Made => Ok(()),
        }
    }

    /// The secret, and if it was made here what is to be shown of it.
    pub(super) fn known(self, provider: Provider) -> (Secret, Option<String>) {
        match self {
            Self::Given(secret) => (secret, None),
            Self::Made => {
                let mut random = [0; 32];
                rand::rng().fill_bytes(&mut random);
                let secret = Secret::of(random, provider);
                let shown = secret.reveal().to_owned();
                (secret, Some(shown))
            }
        }
    }
}

/// An endpoint to be made.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) name: String,
    pub(super) scheme: Scheme,
    pub(super) secret: AskedSecret,
    pub(super) label: String,
    pub(super) events: Vec<NamePattern>,
    pub(super) tolerance: Duration,
}

pub(super) fn created(body: Value) -> Result<Created, Problem> {
    let mut fields = Fields::new(body)?;
    let name = fields.required_text("name");
    let provider = fields.required_text("provider").and_then(|word| fields.accept("provider", provider(&word)));
    let name = name.and_then(|name| {
        let checked = check_name(&name, provider);
        fields.accept("name", checked.map(|()| name))
    });
    let secret = AskedSecret::read(&mut fields);
    if let Some(Err(error)) = provider.map(|provider| secret.check(provider)) {
        fields.fault("/secret", error.to_string());
    }
    let label = label(&mut fields, "secret_label");
    let events = events(&mut fields);
    let tolerance = tolerance(&mut fields);
    let terms = fields.object("hmac", hmac).flatten();
    let scheme = match (provider, terms) {
        (Some(Provider::Hmac), Some(terms)) => Some(Scheme::Hmac(terms)),
        (Some(Provider::Hmac), None) => {
            if fields.faults() == 0 {
                fields.fault("/hmac", "is missing: it says which header has the signature");
            }
            None
        }
        (Some(other), None) => Some(plain(other)),
        (Some(_), Some(_)) => {
            fields.fault("/hmac", FOR_HMAC_ONLY);
            None
        }
        (None, _) => None,
    };
    fields.finish()?;
    match (name, scheme) {
        (Some(name), Some(scheme)) => Ok(Created {
            name,
            scheme,
            secret,
            label: label.unwrap_or_else(|| "first".into()),
            events: events.unwrap_or_default(),
            tolerance: tolerance.unwrap_or(WEBHOOK_TOLERANCE),
        }),
        (_, None) | (None, Some(_)) => Err(Problem::internal()),
    }
}

pub(super) fn changed(body: Value) -> Result<EndpointChange, Problem> {
    let mut fields = Fields::new(body)?;
    let state = fields.checked("state", |word| EndpointState::parse(&word).ok_or("must be `active` or `paused`"));
    let (events, tolerance) = (events(&mut fields), tolerance(&mut fields));
    let terms = fields.object("hmac", hmac).flatten();
    fields.finish()?;
    Ok(EndpointChange { state, events, tolerance, terms })
}

/// Whether an endpoint that is signed so can be changed so.
pub(super) fn fits(change: &EndpointChange, scheme: &Scheme) -> Result<(), Problem> {
    if change.terms.is_some() && scheme.provider() != Provider::Hmac {
        return Err(Problem::fields(vec![FieldError { pointer: "/hmac".into(), detail: FOR_HMAC_ONLY.into() }]));
    }
    Ok(())
}

/// What its owner calls a secret.
pub(super) fn label(fields: &mut Fields, name: &'static str) -> Option<String> {
    fields.checked(name, |text| check_text(&text, limits::TEXT_BYTES).map(|()| text))
}

fn plain(provider: Provider) -> Scheme {
    match provider {
        Provider::Stripe => Scheme::Stripe,
        Provider::Github => Scheme::Github,
        Provider::Slack => Scheme::Slack,
        Provider::Standard => Scheme::Standard,
        Provider::Hmac => Scheme::Hmac(HmacTerms::new("x-signature")),
    }
}

fn provider(word: &str) -> Result<Provider, String> {
    let words: Vec<_> = Provider::ALL.iter().map(|provider| provider.as_str()).collect();
    let known = Provider::ALL.into_iter().find(|provider| provider.as_str() == word);
    known.ok_or_else(|| format!("must be one of {}", words.join(", ")))
}

/// Names are the first segment of the names of a generic endpoint's events: nobody else's events may look like a provider's.
fn check_name(name: &str, provider: Option<Provider>) -> Result<(), String> {
    Queue::new(name.to_owned()).map_err(|error| error.to_string())?;
    if name.len() > NAME_BYTES || name.len() >= EVENT_NAME_BYTES {
        return Err(format!("may have {NAME_BYTES} bytes"));
    }
    if name.parse::<Uuid>().is_ok() {
        return Err("looks like an id; take words".into());
    }
    let taken = Provider::ALL.iter().any(|known| known.as_str() == name) && provider == Some(Provider::Hmac);
    if taken && name != Provider::Hmac.as_str() {
        return Err("is a provider's: its events would look like that provider's".into());
    }
    Ok(())
}

fn events(fields: &mut Fields) -> Option<Vec<NamePattern>> {
    let is_there = fields.has("events");
    let check = |text: &str| text.parse::<NamePattern>().map(drop).map_err(|error| error.to_string());
    let texts = fields.texts("events", WEBHOOK_PATTERNS, check);
    is_there.then(|| texts.iter().filter_map(|text| text.parse().ok()).collect())
}

fn tolerance(fields: &mut Fields) -> Option<Duration> {
    let given = fields.duration("tolerance")?;
    let checked = if given <= WEBHOOK_TOLERANCE_MAX {
        Ok(given)
    } else {
        Err(format!("may be {} h at most", WEBHOOK_TOLERANCE_MAX.as_secs() / 3600))
    };
    fields.accept("tolerance", checked)
}

fn hmac(fields: &mut Fields) -> Option<HmacTerms> {
    let signature_header = fields.required_text("signature_header");
    let algorithm = fields.checked("algorithm", |word| {
        let known = Algorithm::ALL.into_iter().find(|known| known.as_str() == word);
        known.ok_or("must be sha256, sha512 or sha1")
    });
    let encoding = fields.checked("encoding", |word| {
        let known = Encoding::ALL.into_iter().find(|known| known.as_str() == word);
        known.ok_or("must be hex or base64")
    });
    let prefix = fields.text("prefix");
    let template = fields.checked("template", |text| Template::new(&text));
    let (timestamp_header, id_header) = (fields.text("timestamp_header"), fields.text("id_header"));
    let event = match (fields.text("event_header"), fields.text("event_pointer")) {
        (Some(_), Some(_)) => {
            fields.fault("/event_pointer", "cannot stand beside `event_header`: a name stands in one place");
            None
        }
        (Some(name), None) => Some(EventPlace::Header(name)),
        (None, Some(pointer)) => Some(EventPlace::Pointer(pointer)),
        (None, None) => None,
    };
    let deduplicate_by = fields.checked("deduplicate_by", |word| {
        let known = DeduplicateBy::ALL.into_iter().find(|known| known.as_str() == word);
        known.ok_or("must be id, id_or_content, content or none")
    });
    let terms = HmacTerms {
        algorithm: algorithm.unwrap_or(Algorithm::Sha256),
        encoding: encoding.unwrap_or(Encoding::Hex),
        prefix,
        template: template.unwrap_or_else(Template::body),
        timestamp_header,
        id_header,
        event,
        deduplicate_by,
        ..HmacTerms::new(signature_header?)
    };
    if fields.faults() == 0 {
        terms.check().unwrap_or_else(|error| fields.fault("", error.to_string()));
    }
    Some(terms)
}
