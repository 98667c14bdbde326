//! The image for one machine: layers, configuration and manifest.

use anyhow::{Context as _, Result};
use oci_spec::image::{
    Arch, ConfigBuilder, Descriptor, DescriptorBuilder, Digest, HistoryBuilder,
    ImageConfigurationBuilder, ImageManifestBuilder, MediaType, Os, PlatformBuilder, RootFsBuilder,
};

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
        let history = layers.iter().map(|(what, _)| {
            HistoryBuilder::default()
                .created(about.created())
                .created_by(format!("countersign-image: {what}"))
                .build()
        });
        let diff_ids: Vec<String> = layers
            .iter()
            .map(|(_, layer)| layer.diff_id.clone())
            .collect();
        let config = ConfigBuilder::default()
            .user(format!("{USER}:{USER}"))
            .entrypoint([format!("/usr/bin/{title}")])
            .env(["PATH=/usr/bin".to_owned()])
            .working_dir("/")
            .labels(about.labels(title))
            .build()?;
        let configuration = ImageConfigurationBuilder::default()
            .created(about.created())
            .architecture(machine.arch())
            .os(Os::Linux)
            .config(config)
            .rootfs(
                RootFsBuilder::default()
                    .typ("layers")
                    .diff_ids(diff_ids)
                    .build()?,
            )
            .history(history.collect::<Result<Vec<_>, _>>()?)
            .build()?;
        let configuration = Digested::json(&configuration)?;
        let layers = layers.map(|(_, layer)| layer.compressed);
        let described: Vec<Descriptor> = layers
            .iter()
            .map(|layer| describe(layer, MediaType::ImageLayerGzip))
            .collect::<Result<_>>()?;
        let manifest = ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageManifest)
            .config(describe(&configuration, MediaType::ImageConfig)?)
            .layers(described)
            .annotations(about.labels(title))
            .build()?;
        Ok(Self {
            machine,
            layers: layers.into(),
            configuration,
            manifest: Digested::json(&manifest)?,
        })
    }

    /// The manifest, as an index lists it.
    pub(crate) fn descriptor(&self) -> Result<Descriptor> {
        let mut descriptor = describe(&self.manifest, MediaType::ImageManifest)?;
        let platform = PlatformBuilder::default()
            .architecture(self.machine.arch())
            .os(Os::Linux)
            .build()?;
        descriptor.set_platform(Some(platform));
        Ok(descriptor)
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
    pub(crate) fn told(&self) -> Result<(Machine, String, u64)> {
        let sizes = self.blobs().map(Digested::size);
        let size = sizes.sum::<Result<u64>>()?;
        Ok((self.machine, self.digest().to_owned(), size))
    }
}

impl Machine {
    fn arch(self) -> Arch {
        match self {
            Self::Amd64 => Arch::Amd64,
            Self::Arm64 => Arch::ARM64,
        }
    }
}

/// A descriptor without platform or annotations.
pub(crate) fn describe(of: &Digested, kind: MediaType) -> Result<Descriptor> {
    let digest: Digest = of.digest().parse()?;
    DescriptorBuilder::default()
        .media_type(kind)
        .digest(digest)
        .size(of.size()?)
        .build()
        .context("a descriptor")
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
