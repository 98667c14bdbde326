//! With `--client-ca` the API server is let in, by the certificate that it is configured to show, and nobody else.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use countersign_e2e::{API_SERVER, Registration, Serving, ask_service, pod};
use serde_json::json;

use crate::scene::{Lab, until_answered};

#[test]
fn only_the_api_server_is_answered_where_clients_have_to_say_who_they_are() {
    let Some(lab) = Lab::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let strangers = folder.path().join("strangers.pem");
    fs::write(&strangers, Serving::issue(&["x"]).unwrap().authority()).unwrap();
    let clients = lab.cluster.webhook_clients();
    let (clients, strangers) = (clients.to_str().unwrap(), strangers.to_str().unwrap());
    let (policy, registries) = (lab.policy("enforce"), lab.registries());
    let cases = [
        (
            "identified",
            vec!["--client-ca", clients, "--client-names", API_SERVER],
            true,
        ),
        ("of-others", vec!["--client-ca", strangers], false),
        (
            "otherwise-named",
            vec!["--client-ca", clients, "--client-names", "kubelet"],
            false,
        ),
    ];
    for (namespace, arguments, is_let_in) in cases {
        lab.cluster.namespace(namespace).unwrap();
        let names = ["127.0.0.1", "webhook.countersign.svc"];
        let webhook = lab
            .webhook
            .start_as(&names, &policy, &registries, &arguments);
        let webhook = webhook.unwrap();
        let config = webhook.client_config("/validate");
        let _registered = Registration::of(namespace, "validate", config.clone())
            .register(&lab.cluster)
            .unwrap();
        let answer = until_answered(&lab, namespace, &lab.unsigned, |it| !it.is_done());
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let signed = lab.admin().create(&path, &pod("app", &lab.signed)).unwrap();
        assert_eq!(signed.is_done(), is_let_in, "{namespace}: {signed:?}");
        match is_let_in {
            true => assert_eq!(answer.status, 403, "{namespace}: {answer:?}"),
            false => {
                assert_eq!(signed.status, 500, "{namespace}: {signed:?}");
                let why = "failed calling webhook \"validate.countersign.dev\"";
                assert!(signed.message().contains(why), "{namespace}: {signed:?}");
            }
        }
        // Somebody who trusts the server and shows nothing.
        let mut bare = config;
        bare["service"] =
            json!({"name": "webhook", "namespace": "countersign", "path": "/validate"});
        let endpoint = SocketAddr::from((Ipv4Addr::LOCALHOST, webhook.port()));
        ask_service(&bare, endpoint, &json!({})).unwrap_err();
        assert!(webhook.is_ready(), "probes have no certificate");
    }
}
