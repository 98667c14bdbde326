//! The services that vouch for signatures: chosen from a signing config, asked, and believed only under one trust root.

use std::time::Duration;

use countersign::{Budget, ServiceClient};
use countersign_core::{Facts, Limits, TrustRoot, UnixTime};

use crate::bundle::{Draft, SignedBundle};
use crate::signing_config::{Chosen, SigningConfigError, one, several};
use crate::{ServiceKind, SignError, SigningConfig, SigningKey, rekor, timestamps};

/// Seconds by which a proven time may differ from our clock. Whoever promotes looks at an image for minutes before signing.
const CLOCKS: i64 = 900;
/// The first generation of Rekor promises a time; the second does not.
const PROVES_TIME: u32 = 1;

/// The services that a signature is made with: logs and timestamp authorities, and a certificate authority if there is one.
///
/// What they answer counts under the trust root that is given here, and under no other.
#[derive(Debug, Clone)]
pub struct SigningServices {
    pub(crate) authority: Result<Chosen, SigningConfigError>,
    logs: Vec<Chosen>,
    timestampers: Vec<Chosen>,
    root: TrustRoot,
    pub(crate) client: ServiceClient,
    time: Duration,
}

impl SigningServices {
    /// How long one signature may take, if nobody says otherwise.
    pub const DEFAULT_TIME: Duration = Duration::from_secs(120);

    /// Chooses the services as the signing config wants it at this time, and asks them by this client.
    ///
    /// # Errors
    /// [`SigningConfigError`] if it names none that can be used, too few, or none that proves a time.
    pub fn new(
        config: &SigningConfig,
        root: TrustRoot,
        client: ServiceClient,
        now: UnixTime,
    ) -> Result<Self, SigningConfigError> {
        let no_selector = |kind: ServiceKind, field_config| SigningConfigError::NoSelector {
            field: kind.field(),
            field_config,
        };
        let (mut logs, mut timestampers) = (Vec::new(), Vec::new());
        if !config.logs.is_empty() {
            let kind = ServiceKind::Log;
            let selector = config.log_selector;
            let selector = selector.ok_or_else(|| no_selector(kind, "rekorTlogConfig"))?;
            logs = several(kind, &config.logs, selector, now)?;
        }
        if !config.timestampers.is_empty() {
            let kind = ServiceKind::TimestampAuthority;
            let selector = config.timestamp_selector;
            let selector = selector.ok_or_else(|| no_selector(kind, "tsaConfig"))?;
            timestampers = several(kind, &config.timestampers, selector, now)?;
        }
        if logs.is_empty() && timestampers.is_empty() {
            return Err(SigningConfigError::NoWitness);
        }
        let proves_time = logs.iter().any(|log| log.version == PROVES_TIME);
        if timestampers.is_empty() && !proves_time {
            return Err(SigningConfigError::NoTime);
        }
        let kind = ServiceKind::CertificateAuthority;
        Ok(Self {
            authority: one(kind, &config.authorities, now),
            logs,
            timestampers,
            root,
            client,
            time: Self::DEFAULT_TIME,
        })
    }

    /// How long one signature may take in all.
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    pub(crate) fn budget(&self) -> Budget {
        Budget::new(&Limits::default(), self.time)
    }

    /// Nothing is asked for a signature that no log would take in the end.
    pub(crate) fn check_key(&self, key: &SigningKey) -> Result<(), SignError> {
        let only_hashes = |log: &&Chosen| log.version != PROVES_TIME;
        match self.logs.iter().find(only_hashes) {
            Some(log) if key.details().is_none() => {
                Err(rekor::unloggable(&log.url, key.public_key().algorithm()))
            }
            _ => Ok(()),
        }
    }

    /// Has the signature stamped, then logged. It is verified after every answer, so that nothing is written into a public log that
    /// would be thrown away, and so that it is known who answered wrong. `is_fit` is asked each time whose signature it is.
    pub(crate) async fn witness(
        &self,
        mut draft: Draft<'_>,
        now: UnixTime,
        budget: &Budget,
        is_fit: impl Fn(&Facts) -> Result<(), SignError>,
    ) -> Result<SignedBundle, SignError> {
        let mut facts = None;
        for authority in &self.timestampers {
            let signature = &draft.signature;
            let answer = timestamps::stamp(&self.client, &authority.url, signature, budget).await?;
            draft.stamped(answer);
            let service = timestamps::name(&authority.url);
            let proven = self.verified(&draft, &service, now)?;
            is_fit(&proven)?;
            facts = Some(proven);
        }
        for (before, log) in self.logs.iter().enumerate() {
            let entry = rekor::log(&self.client, log, &draft, budget).await?;
            draft.logged(entry);
            let service = rekor::name(&log.url);
            let proven = self.verified(&draft, &service, now)?;
            is_fit(&proven)?;
            // Verification counts a log once, however many entries it has.
            if proven.logs().len() != before + 1 {
                return Err(self.untrue(&draft, &service, "the log is one that was asked before"));
            }
            facts = Some(proven);
        }
        match facts {
            Some(facts) => Ok(draft.into_bundle(&facts)),
            None => Err(self.untrue(&draft, "no service", "nobody was asked")),
        }
    }

    fn verified(
        &self,
        draft: &Draft<'_>,
        service: &str,
        now: UnixTime,
    ) -> Result<Facts, SignError> {
        let facts = draft
            .verified(Some(&self.root))
            .map_err(|why| self.untrue(draft, service, &why))?;
        // It was made just now. Rules with an age would count from a time that is not, and verification has no clock to notice.
        let around = now.plus(-CLOCKS)..=now.plus(CLOCKS);
        match facts.times().iter().find(|it| !around.contains(&it.time)) {
            None => Ok(facts),
            Some(wrong) => Err(SignError::Clock {
                service: service.to_owned(),
                time: wrong.time,
                now,
            }),
        }
    }

    fn untrue(&self, draft: &Draft<'_>, service: &str, why: &str) -> SignError {
        SignError::Untrue {
            image: *draft.statement.image(),
            service: service.to_owned(),
            root: self.root.name().name.clone(),
            why: why.to_owned(),
        }
    }
}
