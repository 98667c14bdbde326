//! The JSON of a signing config.

use countersign::ServiceUrl;
use countersign_core::UnixTime;
use serde::Deserialize;

use super::{MEDIA_TYPE, MOST_BYTES, Selector, Service, SigningConfig, SigningConfigError};

/// Characters of foreign text that a message shows.
const MOST_SHOWN: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    media_type: String,
    #[serde(default)]
    ca_urls: Vec<WireService>,
    /// Where people log in with a browser, which is not done here; read so that it is checked too.
    #[serde(default)]
    oidc_urls: Vec<WireService>,
    #[serde(default)]
    rekor_tlog_urls: Vec<WireService>,
    rekor_tlog_config: Option<WireSelector>,
    #[serde(default)]
    tsa_urls: Vec<WireService>,
    tsa_config: Option<WireSelector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireService {
    url: String,
    major_api_version: u32,
    valid_for: WireRange,
    #[serde(default)]
    operator: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRange {
    start: String,
    end: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSelector {
    selector: WireChoice,
    #[serde(default)]
    count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum WireChoice {
    All,
    Any,
    Exact,
}

pub(super) fn read(bytes: &[u8]) -> Result<SigningConfig, SigningConfigError> {
    if bytes.len() > MOST_BYTES {
        return Err(SigningConfigError::TooLarge(bytes.len()));
    }
    let wire: Wire = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    if wire.media_type != MEDIA_TYPE {
        return Err(SigningConfigError::MediaType(clipped(&wire.media_type)));
    }
    services("oidcUrls", wire.oidc_urls)?;
    Ok(SigningConfig {
        authorities: services("caUrls", wire.ca_urls)?,
        logs: services("rekorTlogUrls", wire.rekor_tlog_urls)?,
        log_selector: selector("rekorTlogConfig", wire.rekor_tlog_config)?,
        timestampers: services("tsaUrls", wire.tsa_urls)?,
        timestamp_selector: selector("tsaConfig", wire.tsa_config)?,
    })
}

fn services(
    field: &'static str,
    wire: Vec<WireService>,
) -> Result<Vec<Service>, SigningConfigError> {
    let read = |(number, service): (usize, WireService)| {
        let time = |text: &str| {
            UnixTime::parse(text)
                .map_err(|error| malformed(&format!("{field}[{number}].validFor: {error}")))
        };
        Ok(Service {
            url: ServiceUrl::parse(&service.url).map_err(|cause| SigningConfigError::Url {
                field,
                number,
                cause,
            })?,
            version: service.major_api_version,
            start: time(&service.valid_for.start)?,
            end: service.valid_for.end.as_deref().map(time).transpose()?,
            operator: service.operator,
        })
    };
    wire.into_iter().enumerate().map(read).collect()
}

fn selector(
    field: &'static str,
    wire: Option<WireSelector>,
) -> Result<Option<Selector>, SigningConfigError> {
    let Some(WireSelector { selector, count }) = wire else {
        return Ok(None);
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    match (selector, count) {
        (WireChoice::All, 0) => Ok(Some(Selector::All)),
        (WireChoice::Any, 0) => Ok(Some(Selector::Any)),
        (WireChoice::Exact, 0) => Err(malformed(&format!(
            "{field}: EXACT needs a count of at least 1"
        ))),
        (WireChoice::Exact, count) => Ok(Some(Selector::Exact(count))),
        (WireChoice::All | WireChoice::Any, _) => Err(malformed(&format!(
            "{field}: a count belongs to EXACT alone"
        ))),
    }
}

fn malformed(why: &impl ToString) -> SigningConfigError {
    SigningConfigError::Malformed(clipped(&why.to_string()))
}

fn clipped(text: &str) -> String {
    text.chars().take(MOST_SHOWN).collect()
}
