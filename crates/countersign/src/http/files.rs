//! Single files from a web server: no credentials, no redirects, bounded.

use std::time::Duration;

use reqwest::Url;

use super::answer::{classify, status_error};
use super::transport::{Hop, Transport, host_of};
use crate::network::{Allowed, certificates};
use crate::{Budget, RegistryError};

/// Gets files whose contents are verified by whoever asks.
#[derive(Debug)]
pub(crate) struct FileClient {
    transport: Transport,
}

impl Default for FileClient {
    fn default() -> Self {
        let mut transport = Transport::default();
        // An operator has written where the files are, and nothing leads elsewhere.
        transport.change(|settings| settings.allowed = Allowed::everything());
        Self { transport }
    }
}

impl FileClient {
    /// Trusts these CA certificates (PEM) beside the system's.
    pub(crate) fn ca_file(&mut self, pem: &[u8]) -> Result<(), RegistryError> {
        let roots = certificates(pem, "CA file")?;
        self.transport
            .change(|settings| settings.extra_roots.extend(roots));
        Ok(())
    }

    /// How long to wait for a connection, and for the next byte of an answer.
    pub(crate) fn timeouts(&mut self, connect: Duration, stall: Duration) {
        self.transport.change(|settings| {
            settings.connect = connect;
            settings.stall = stall;
        });
    }

    /// The file at `url`, of at most `max` bytes; `None` if the server says that it is not there.
    pub(crate) async fn get(
        &self,
        url: &Url,
        what: &str,
        max: usize,
        budget: &Budget,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let hop = Hop {
            url,
            accept: "*/*",
            authorization: None,
            form: None,
        };
        let response = self.transport.send(hop, budget).await?;
        let host = host_of(url);
        if let Some(error) = classify(&response, &host, "no credential") {
            return Err(error);
        }
        match response.status().as_u16() {
            200 => self
                .transport
                .body(response, what, max, budget)
                .await
                .map(Some),
            404 | 410 => Ok(None),
            301 | 302 | 303 | 307 | 308 => Err(RegistryError::Redirect {
                host,
                to: "another address".to_owned(),
                why: "it is asked at one address only; give the one that it redirects to",
            }),
            status => Err(status_error(&host, status, what)),
        }
    }
}
