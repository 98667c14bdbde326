//! From a manifest's bytes to a node.

use countersign_core::{Digest, FoundBy, Limits, PinnedImage, Platform};
use serde::Deserialize;

use super::node::{BlobRole, Body, NamedBlob, Node, Way};
use crate::error::clip;
use crate::wire::{self, DOCKER_LIST, DOCKER_MANIFEST, Descriptor, OCI_INDEX, OCI_MANIFEST};
use crate::{Annotations, Fetched, Referrer, Repository};

/// A manifest or index, as far as it names other things.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: Annotations,
}

/// What some list says of a manifest.
pub(super) struct Listed {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) media_type: String,
    pub(super) annotations: Annotations,
    pub(super) platform: Option<Platform>,
}

/// A node by itself, and what it points to.
pub(super) struct Read {
    pub(super) node: Node,
    /// The manifests that it lists.
    pub(super) lists: Vec<Listed>,
    pub(super) subject: Option<Digest>,
}

impl Read {
    /// Reads what was fetched. Its media type is what it says itself; whoever served or listed it must not say another (CVE-2021-41190).
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(
        fetched: Fetched,
        way: Way,
        repository: &Repository,
        listed: Option<Listed>,
    ) -> Result<Self, String> {
        let wire: Wire = wire::read(&fetched.bytes)?;
        let served = fetched.content_type.as_deref();
        let served = served.map(|text| text.split(';').next().unwrap_or(text).trim().to_owned());
        let media_type = wire.media_type(served, listed.as_ref())?;
        let digest = Digest::of(&fetched.bytes);
        let subject = wire
            .subject
            .as_ref()
            .map(|subject| subject.digest())
            .transpose()?;
        let config_type = wire.config.as_ref().map(|config| config.media_type.clone());
        let (listed_annotations, platform) = match listed {
            Some(listed) => (listed.annotations, listed.platform),
            None => (Annotations::default(), None),
        };
        let config = wire.config.into_iter().map(|it| (BlobRole::Config, it));
        let layers = wire.layers.into_iter().flatten();
        let node = Node {
            way,
            repository: repository.clone(),
            from: fetched.from,
            tag: None,
            digest,
            media_type,
            artifact_type: wire
                .artifact_type
                .filter(|text| !text.is_empty())
                .or_else(|| subject.and(config_type)),
            annotations: wire.annotations,
            listed_annotations,
            platform,
            blobs: config
                .chain(layers.map(|it| (BlobRole::Layer, it)))
                .map(|(role, descriptor)| NamedBlob::new(role, descriptor))
                .collect::<Result<_, _>>()?,
            children: Vec::new(),
            attached: Vec::new(),
            gaps: Vec::new(),
            body: Body::Other(fetched.bytes),
        };
        let lists = wire.manifests.into_iter().flatten();
        Ok(Self {
            node,
            lists: lists.map(Listed::try_from).collect::<Result<_, _>>()?,
            subject,
        })
    }

    /// The same as an image: unambiguous, as a check would have it.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn into_image(mut self, limits: &Limits) -> Result<Self, String> {
        if let Body::Other(bytes) = self.node.body {
            let media_type = Some(self.node.media_type.as_str());
            let image = PinnedImage::from_bytes(bytes, media_type, None, limits)
                .map_err(|error| error.to_string())?;
            for (listed, child) in self.lists.iter_mut().zip(image.children().unwrap_or(&[])) {
                listed.platform.clone_from(&child.platform);
            }
            self.node.body = Body::Image(image);
        }
        Ok(self)
    }
}

impl Wire {
    /// What it is, as it says itself; who served it and who listed it say the same, and it has the parts of that and of nothing else.
    fn media_type(
        &self,
        served: Option<String>,
        listed: Option<&Listed>,
    ) -> Result<String, String> {
        let listed = listed.map(|listed| listed.media_type.clone());
        let media_type = one_media_type([self.media_type.clone(), served, listed])?
            // Old OCI manifests need not say what they are.
            .unwrap_or_else(|| match self.manifests {
                Some(_) => OCI_INDEX.to_owned(),
                None => OCI_MANIFEST.to_owned(),
            });
        let is_index = [OCI_INDEX, DOCKER_LIST].contains(&media_type.as_str());
        let has_blobs = self.config.is_some() || self.layers.is_some();
        if is_index && has_blobs || !is_index && self.manifests.is_some() {
            return Err("it could be read as a manifest and as an index".to_owned());
        }
        if !is_index && ![OCI_MANIFEST, DOCKER_MANIFEST].contains(&media_type.as_str()) {
            return Err(format!("its media type is `{}`", clip(&media_type)));
        }
        Ok(media_type)
    }
}

/// The one that all who say one say.
fn one_media_type(said: [Option<String>; 3]) -> Result<Option<String>, String> {
    let mut said = said.into_iter().flatten().filter(|text| !text.is_empty());
    let first = said.next();
    match said.find(|other| first.as_ref() != Some(other)) {
        Some(other) => Err(format!(
            "it is said to be `{}` and `{}`",
            clip(first.as_deref().unwrap_or_default()),
            clip(&other)
        )),
        None => Ok(first),
    }
}

impl Listed {
    /// What a registry lists, and by which of its lists.
    pub(super) fn referrer(referrer: Referrer) -> (Way, Self) {
        let way = match referrer.found_by {
            FoundBy::FallbackTag => Way::FallbackReferrer,
            _ => Way::Referrer,
        };
        let listed = Self {
            digest: referrer.digest,
            size: referrer.size,
            media_type: referrer.media_type.into_owned(),
            annotations: referrer.annotations,
            platform: None,
        };
        (way, listed)
    }
}

impl TryFrom<Descriptor> for Listed {
    type Error = String;

    fn try_from(descriptor: Descriptor) -> Result<Self, String> {
        Ok(Self {
            digest: descriptor.digest()?,
            size: descriptor.size,
            media_type: descriptor.media_type,
            annotations: descriptor.annotations,
            platform: None,
        })
    }
}

impl NamedBlob {
    fn new(role: BlobRole, descriptor: Descriptor) -> Result<Self, String> {
        Ok(Self {
            role,
            digest: descriptor.digest()?,
            size: descriptor.size,
            media_type: descriptor.media_type,
            annotations: descriptor.annotations,
        })
    }
}
