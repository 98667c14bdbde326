//! An image in its namespace: with the labels that policies ask for, and with what it is pulled with.

use std::collections::BTreeMap;

use countersign::{Checker, Image};
use countersign_core::{Namespace, PodPulls};

use crate::kubernetes::{Pulls, Tenants};

/// Where the images of one object are to run, and who tells what is known there.
pub(crate) struct Surroundings<'a> {
    pub(crate) namespace: Option<&'a str>,
    /// The Kubernetes API, if it is asked.
    pub(crate) tenants: Option<&'a Tenants>,
    /// What the object's PodSpecs name; none where the namespace's Secrets are not to be used.
    pub(crate) pulls: &'a [PodPulls],
    /// Whether the object is a Pod.
    pub(crate) is_pod: bool,
}

/// An image as it is to be judged.
pub(crate) struct Placed {
    pub(crate) image: Image,
    pub(crate) aside: Aside,
}

/// What Kubernetes told, or did not, beside an image.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Aside {
    /// Why the namespace's labels are not known, where a policy asks for them.
    pub labels: Option<String>,
    /// Whether what is said of the image may come from what a Secret of the namespace opens, or tells what the namespace has.
    pub is_private: bool,
}

impl Surroundings<'_> {
    /// The image that `fields` name, with all that it has already. Nothing is asked that no policy in force needs to know for it.
    pub(crate) async fn place(
        &self,
        checker: &Checker,
        mut image: Image,
        fields: &[String],
    ) -> Placed {
        let mut aside = Aside::default();
        let Some(name) = self.namespace else {
            return Placed { image, aside };
        };
        let namespace = Namespace::new(name);
        image = image.in_namespace(namespace.clone());
        if checker.policies().wants_labels(image.request()) {
            match self.labels(name).await {
                Ok(labels) => image = image.in_namespace(namespace.labelled(labels)),
                Err(why) => aside.labels = Some(why),
            }
        }
        // What is decided without a registry needs no login to one.
        if let Some(tenants) = self.tenants.filter(|it| it.reads_secrets())
            && !checker.policies().needs(image.request()).is_empty()
        {
            let covers = |pulls: &&PodPulls| fields.iter().any(|field| pulls.covers(field));
            let specs = self.pulls.iter().filter(covers);
            let pulls = tenants.pulls(name, specs, self.is_pod).await;
            (image, aside.is_private) = Self::pulled(checker, image, pulls);
        }
        Placed { image, aside }
    }

    async fn labels(&self, namespace: &str) -> Result<BTreeMap<String, String>, String> {
        match self.tenants {
            Some(tenants) => Ok(tenants.labels(namespace).await?.as_ref().clone()),
            None => Err("this webhook asks no Kubernetes API; next: `--kubernetes`".to_owned()),
        }
    }

    /// The image with the namespace's logins, which go before this webhook's own as with the kubelet they go before the node's; and whether they make a difference.
    fn pulled(checker: &Checker, image: Image, pulls: Pulls) -> (Image, bool) {
        let Pulls {
            secrets,
            missing,
            tells,
        } = pulls;
        if secrets.is_empty() && missing.is_empty() {
            return (image, tells);
        }
        let with = |secrets| image.clone().with_credentials(secrets);
        let opened = with(secrets.clone());
        let is_private = tells || checker.access(&opened) != checker.access(&image);
        if missing.is_empty() {
            return (opened, is_private);
        }
        let secrets = missing
            .iter()
            .fold(secrets, |secrets, why| secrets.absent(why));
        (with(secrets), is_private)
    }
}
