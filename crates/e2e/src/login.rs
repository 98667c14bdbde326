//! Who may read and write in the registries that ask.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A user of the registries that ask for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub user: &'static str,
    /// The user's password.
    pub password: &'static str,
    /// bcrypt of the password, cost 5.
    hash: &'static str,
}

/// May read and write everything.
pub const OWNER: Login = Login {
    user: "owner",
    password: "owner-password",
    hash: "$2a$05$lL7stkYVKWxIZNWjHWC3c.mNvQHo.OuiEogpWHEMmEf4syRwQtfzC",
};

/// May read only what is called `…/open`, where the registry can tell repositories apart (with tokens).
pub const READER: Login = Login {
    user: "reader",
    password: "reader-password",
    hash: "$2a$05$o67LSQaJXzrcwkAeDgw5eOatymYAOZPvMBzV..Q5RUEL426R0Er7K",
};

const ALL: [Login; 2] = [OWNER, READER];

impl Login {
    /// Whose `Authorization` header of the Basic scheme this is.
    pub(crate) fn of_basic(header: &str) -> Option<Self> {
        ALL.into_iter().find(|login| header == login.basic())
    }

    /// Whether this user may do this in the repository.
    pub(crate) fn may(user: &str, repository: &str, action: &str) -> bool {
        match user {
            "owner" => matches!(action, "pull" | "push"),
            "reader" => action == "pull" && repository.ends_with("/open"),
            _ => false,
        }
    }

    /// The `htpasswd` file of all users.
    pub(crate) fn htpasswd() -> String {
        ALL.iter()
            .map(|login| format!("{}:{}\n", login.user, login.hash))
            .collect()
    }

    fn basic(&self) -> String {
        let pair = STANDARD.encode(format!("{}:{}", self.user, self.password));
        format!("Basic {pair}")
    }

    /// A docker `config.json` that shows this user, perhaps with another password, to `host`.
    #[must_use]
    pub fn docker_config(&self, host: &str, password: &str) -> String {
        let auth = STANDARD.encode(format!("{}:{password}", self.user));
        serde_json::json!({"auths": {host: {"auth": auth}}}).to_string()
    }
}
