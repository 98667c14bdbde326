//! `resource`: what a summary's `resourceUri` must be for the image that is judged (slsa.dev/spec/v1.1/verification_summary,
//! "resourceUri": "required to prevent confusion attacks").

use crate::Digest;

/// A template; what it gives is compared as a whole, byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    written: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Registry,
    Repository,
    Digest,
}

impl Resource {
    /// # Errors
    /// Why it is no template.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, inside)) = rest.split_once('{') {
            let (name, after) = inside
                .split_once('}')
                .ok_or("has a `{` without a `}`".to_owned())?;
            parts.push(literal(before)?);
            parts.push(match name {
                "registry" => Part::Registry,
                "repository" => Part::Repository,
                "digest" => Part::Digest,
                other => return Err(format!("has the placeholder `{{{other}}}`, which is none")),
            });
            rest = after;
        }
        parts.push(literal(rest)?);
        Ok(Self {
            written: text.to_owned(),
            parts,
        })
    }

    /// What it gives for an image: its canonical `host/path`, as `images` match it, and the digest that the evidence is about. None
    /// where the name is needed and is not known.
    pub(crate) fn of(&self, name: Option<&str>, digest: &Digest) -> Option<String> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => filled.push_str(text),
                Part::Registry => filled.push_str(name?.split_once('/')?.0),
                Part::Repository => filled.push_str(name?.split_once('/')?.1),
                Part::Digest => filled.push_str(&digest.to_string()),
            }
        }
        Some(filled)
    }

    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.written
    }
}

fn literal(text: &str) -> Result<Part, String> {
    if text.contains('}') {
        return Err("has a `}` without a `{`".to_owned());
    }
    Ok(Part::Literal(text.to_owned()))
}
