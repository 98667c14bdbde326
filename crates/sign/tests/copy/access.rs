//! Credentials: to pull at the source, to push at the destination, and nowhere else.

use countersign_sign::Copier;
use countersign_testkit::registry::{Registry, Request};

use crate::scene::{
    PASSWORD, REPO, USER, client, copy, filled, holdings, named, refused, route, writable,
};

fn scopes(registry: &Registry) -> Vec<String> {
    let scope = |request: Request| {
        let (_, scope) = request.path.split_once("scope=")?;
        let scope = scope.split('&').next()?;
        Some(
            scope
                .replace("%3A", ":")
                .replace("%2F", "/")
                .replace("%2C", ","),
        )
    };
    let requests = registry.requests().into_iter();
    let mut scopes: Vec<String> = requests
        .filter(|request| request.path.starts_with("/token"))
        .filter_map(scope)
        .collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

#[tokio::test]
async fn each_side_is_asked_for_what_it_is_needed_for() {
    let from = filled(writable().bearer(USER, PASSWORD));
    let to = writable().bearer(USER, PASSWORD).start();
    copy(&from, &to).await.unwrap();
    assert_eq!(scopes(&from), ["repository:acme/app:pull"]);
    let asked = scopes(&to);
    assert!(
        asked.contains(&"repository:acme/app:pull,push".to_owned()),
        "{asked:?}"
    );
    assert_eq!(holdings(&to).await, holdings(&from).await);
}

#[tokio::test]
async fn basic_credentials_push_too() {
    let from = filled(writable().basic(USER, PASSWORD));
    let to = writable().basic(USER, PASSWORD).start();
    copy(&from, &to).await.unwrap();
    assert_eq!(holdings(&to).await, holdings(&from).await);
}

#[tokio::test]
async fn the_credential_of_one_side_is_not_shown_to_the_other() {
    let from = filled(writable().basic(USER, PASSWORD));
    let to = writable().basic(USER, PASSWORD).start();
    // Only the source's is known.
    let client = client(&[&from]).plain_http(to.host());
    let route = route(&named(&from, "acme/app:v1"), &named(&to, "acme/app"));
    let error = refused(Copier::new(client).copy(&route).await).to_string();
    assert!(
        error.contains(&to.host()) && error.contains("401"),
        "{error}"
    );
    assert!(!error.contains(PASSWORD), "{error}");
    let shown = to.requests();
    assert!(shown.iter().all(|it| it.header("authorization").is_none()));
    assert_eq!(to.digest_at(REPO, "v1"), None);
}
