//! Who may read: nobody special, a user with a password, or the bearer of a token.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::Request;

const TOKEN_PREFIX: &str = "testkit.";

#[derive(Debug, Default)]
pub(super) enum Auth {
    #[default]
    Anonymous,
    Basic {
        user: String,
        password: String,
    },
    /// Several users with passwords, each with the repositories that it may read.
    Users(Vec<User>),
    /// `None`: a token for everybody who asks.
    Bearer {
        credentials: Option<(String, String)>,
    },
}

#[derive(Debug)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) repos: Vec<String>,
}

impl Auth {
    /// `Err` holds the challenge for `WWW-Authenticate`.
    pub(super) fn check(
        &self,
        request: &Request,
        repo: &str,
        realm: &str,
        service: &str,
    ) -> Result<(), String> {
        match self {
            Self::Anonymous => Ok(()),
            Self::Basic { user, password } => match request.header("authorization") {
                Some(sent) if sent == basic(user, password) => Ok(()),
                _ => Err(format!("Basic realm=\"{service}\"")),
            },
            Self::Users(users) if is_user(users, request, repo) => Ok(()),
            Self::Users(_) => Err(format!("Basic realm=\"{service}\"")),
            Self::Bearer { .. } => {
                let actions: &[&str] = if request.is_write() {
                    &["pull", "push"]
                } else {
                    &["pull"]
                };
                if is_granted(request, repo, actions) {
                    return Ok(());
                }
                let scope = format!("repository:{repo}:{}", actions.join(","));
                Err(format!(
                    "Bearer realm=\"{realm}\",service=\"{service}\",scope=\"{scope}\""
                ))
            }
        }
    }

    /// Whether a request that was let in may also read another repository, to mount from it.
    pub(super) fn may_pull(&self, request: &Request, repo: &str) -> bool {
        match self {
            Self::Anonymous | Self::Basic { .. } => true,
            Self::Users(users) => is_user(users, request, repo),
            Self::Bearer { .. } => is_granted(request, repo, &["pull"]),
        }
    }

    /// The token for what the query's `scope`s ask, if the request may have one.
    ///
    /// Tokens only name their scopes: they are good at every registry of this kit, which lets one registry be the
    /// token service of another.
    pub(super) fn token(&self, request: &Request) -> Option<String> {
        if let Self::Bearer {
            credentials: Some((user, password)),
        } = self
            && request.header("authorization") != Some(&basic(user, password))
        {
            return None;
        }
        let (_, query) = request.path.split_once('?').unwrap_or_default();
        let scopes: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("scope="))
            .map(|scope| {
                scope
                    .replace("%3A", ":")
                    .replace("%3a", ":")
                    .replace("%2F", "/")
                    .replace("%2f", "/")
                    .replace("%2C", ",")
                    .replace("%2c", ",")
            })
            .collect();
        Some(format!(
            "{TOKEN_PREFIX}{}",
            URL_SAFE_NO_PAD.encode(scopes.join(" "))
        ))
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Whether the request is of one of the users who have the repository.
fn is_user(users: &[User], request: &Request, repo: &str) -> bool {
    let sent = request.header("authorization");
    users.iter().any(|user| {
        sent == Some(&basic(&user.name, &user.password)) && user.repos.iter().any(|own| own == repo)
    })
}

/// Whether the request's token allows these actions in a repository.
fn is_granted(request: &Request, repo: &str, actions: &[&str]) -> bool {
    let token = request
        .header("authorization")
        .and_then(|sent| sent.strip_prefix("Bearer "));
    let Some(scopes) = token.and_then(scopes) else {
        return false;
    };
    scopes.iter().any(|scope| {
        let granted = scope
            .strip_prefix("repository:")
            .and_then(|scope| scope.strip_prefix(repo))
            .and_then(|scope| scope.strip_prefix(':'));
        granted.is_some_and(|granted| {
            let granted: Vec<&str> = granted.split(',').collect();
            actions.iter().all(|action| granted.contains(action))
        })
    })
}

fn scopes(token: &str) -> Option<Vec<String>> {
    let scopes = URL_SAFE_NO_PAD
        .decode(token.strip_prefix(TOKEN_PREFIX)?)
        .ok()?;
    Some(
        String::from_utf8(scopes)
            .ok()?
            .split(' ')
            .map(str::to_owned)
            .collect(),
    )
}
