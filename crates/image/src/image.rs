//! The image for one machine: layers, configuration and manifest.

use anyhow::Result;
use serde_json::{Value, json};

use crate::layer::{Entry, Layer};
use crate::program::{Machine, Needs, Program};
use crate::written::Digested;
use crate::{About, Debian};

/// As whom programs of an image run: the user and the group `nonroot`.
pub const USER: u64 = 65532;

const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnonroot:x:65532:\n";
/// Names of hosts: what the container's `/etc/hosts` says before what the cluster's name server says.
const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\n";
const LICENCE: &str = include_str!("../../../LICENSE");

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image for one machine.
#[derive(Debug, Clone)]
pub struct Image {
    machine: Machine,
    layers: Vec<Digested>,
    configuration: Digested,
    manifest: Digested,
}

impl Image {
    /// The image of `programs`, which are all for `machine`. The first is the entry point.
    ///
    /// What is of Debian is a layer of its own, with times of 1970: it stays the same, and on the nodes, from version to version.
    pub(crate) fn of(
        about: &About,
        title: &str,
        machine: Machine,
        programs: &[&Program],
        debian: &Debian,
    ) -> Result<Self> {
        let layers = [
            (
                "Debian's libraries and certificate authorities",
                base(machine, programs, debian)?,
            ),
            (title, own(programs, about.seconds())?),
        ];
        let history: Vec<Value> = layers
            .iter()
            .map(|(what, _)| {
                let by = format!("countersign-image: {what}");
                json!({"created": about.created(), "created_by": by})
            })
            .collect();
        let diff_ids: Vec<&str> = layers
            .iter()
            .map(|(_, layer)| layer.diff_id.as_str())
            .collect();
        let configuration = Digested::json(&json!({
            "created": about.created(),
            "architecture": machine.name(),
            "os": "linux",
            "config": {
                "User": format!("{USER}:{USER}"),
                "Entrypoint": [format!("/usr/bin/{title}")],
                "Env": ["PATH=/usr/bin"],
                "WorkingDir": "/",
                "Labels": about.labels(title),
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        }))?;
        let layers = layers.map(|(_, layer)| layer.compressed);
        let manifest = Digested::json(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": describe(&configuration, "application/vnd.oci.image.config.v1+json"),
            "layers": layers
                .iter()
                .map(|layer| describe(layer, "application/vnd.oci.image.layer.v1.tar+gzip"))
                .collect::<Vec<_>>(),
            "annotations": about.labels(title),
        }))?;
        Ok(Self {
            machine,
            layers: layers.into(),
            configuration,
            manifest,
        })
    }

    /// The manifest, as an index lists it.
    pub(crate) fn descriptor(&self) -> Value {
        let mut descriptor = describe(&self.manifest, MANIFEST);
        if let Some(fields) = descriptor.as_object_mut() {
            let platform = json!({"architecture": self.machine.name(), "os": "linux"});
            fields.insert("platform".to_owned(), platform);
        }
        descriptor
    }

    /// Everything that a layout keeps of it.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Digested> {
        self.layers
            .iter()
            .chain([&self.configuration, &self.manifest])
    }

    /// The digest of its manifest.
    pub(crate) fn digest(&self) -> &str {
        self.manifest.digest()
    }

    /// What [`Written`](crate::Written) says of it.
    pub(crate) fn told(&self) -> (Machine, String, u64) {
        let size = self.blobs().map(Digested::size).sum();
        (self.machine, self.digest().to_owned(), size)
    }
}

/// A descriptor without platform or annotations (OCI image specification, "OCI Content Descriptors").
pub(crate) fn describe(of: &Digested, media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": of.digest(), "size": of.size()})
}

fn base(machine: Machine, programs: &[&Program], debian: &Debian) -> Result<Layer> {
    let mut needs = Needs::default();
    for program in programs {
        needs
            .libraries
            .extend(program.needs.libraries.iter().cloned());
        needs.interpreter = needs
            .interpreter
            .or_else(|| program.needs.interpreter.clone());
    }
    let mut entries = debian.files(machine, &needs)?;
    entries.extend([
        Entry::file("etc/passwd", PASSWD.into()),
        Entry::file("etc/group", GROUP.into()),
        Entry::file("etc/nsswitch.conf", NSSWITCH.into()),
        Entry::folder("home/nonroot", 0o700, USER),
        Entry::folder("tmp", 0o1777, 0),
    ]);
    Layer::of(entries, 0)
}

fn own(programs: &[&Program], seconds: u64) -> Result<Layer> {
    let mut entries = vec![Entry::file(
        "usr/share/doc/countersign/LICENSE",
        LICENCE.into(),
    )];
    for program in programs {
        let path = format!("usr/bin/{}", program.name);
        entries.push(Entry::program(&path, program.bytes.clone()));
    }
    Layer::of(entries, seconds)
}
