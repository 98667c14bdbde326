//! What a token shall be good for.

/// What is asked of a token service: never more than a request needs, for a token that leaks must not push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To read.
    #[default]
    Pull,
    /// To read and to write.
    PullPush,
}

impl Scope {
    /// The actions of a token's scope (the distribution project's token protocol): `pull` or `pull,push`.
    #[must_use]
    pub const fn as_actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::PullPush => "pull,push",
        }
    }
}
