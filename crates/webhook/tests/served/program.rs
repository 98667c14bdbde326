//! The program, running.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::files::{Authority, NAME};
use crate::scene::Scene;

/// How long anything may take before a test gives up: machines may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `countersign-webhook`, which ends with the test.
pub(crate) struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
}

impl Program {
    /// Starts it with the scene's policy and waits until it listens.
    pub(crate) fn start(scene: &Scene, more: &[&str]) -> Self {
        let policy = scene.path("policy").display().to_string();
        Self::started(scene, &[&["--policy", &policy], more].concat())
    }

    /// Starts it with a file that configures the policy.
    pub(crate) fn configured(scene: &Scene, config: &Path) -> Self {
        Self::started(scene, &["--config", &config.display().to_string()])
    }

    fn started(scene: &Scene, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-webhook"));
        command
            .args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .args(["--reload-interval", "1"])
            .arg("--tls-cert")
            .arg(scene.path("tls.crt"))
            .arg("--tls-key")
            .arg(scene.path("tls.key"))
            .arg("--registries")
            .arg(scene.path("registries.yaml"))
            .args(more)
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (output, kept) = (child.stdout.take().unwrap(), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::from(line));
                kept.lock().unwrap().push(line);
            }
        });
        let mut program = Self {
            child,
            lines,
            address: ([127, 0, 0, 1], 0).into(),
            metrics: ([127, 0, 0, 1], 0).into(),
        };
        let listening = program.line(|line| line["event"] == "listening");
        program.address = listening["listen"].as_str().unwrap().parse().unwrap();
        program.metrics = listening["metricsListen"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        program
    }

    /// Starts it and waits until the first policies are in force.
    pub(crate) fn ready(scene: &Scene, more: &[&str]) -> Self {
        let program = Self::start(scene, more);
        program.line(|line| line["event"] == "policies-in-force");
        program
    }

    /// The log so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// The first line of which this holds, which may be still to come.
    pub(crate) fn line(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.lines().into_iter().find(&is_it) {
                return line;
            }
            assert!(begun.elapsed() < PATIENCE, "{:#?}", self.lines());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks over HTTPS.
    pub(crate) async fn ask(&self, client: &reqwest::Client, path: &str, review: &Value) -> Value {
        let (status, body) = self.post(client, path, review).await.unwrap();
        assert_eq!(status, 200, "{body}");
        let mut body: Value = serde_json::from_str(&body).unwrap();
        body["response"].take()
    }

    pub(crate) async fn post(
        &self,
        client: &reqwest::Client,
        path: &str,
        review: &Value,
    ) -> reqwest::Result<(u16, String)> {
        let url = format!("https://{NAME}:{}{path}", self.address.port());
        let request = client
            .post(url)
            .header("content-type", "application/json")
            .body(review.to_string());
        body(request.send().await?).await
    }

    /// Status and text of a path on the port for metrics.
    pub(crate) async fn plain(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.metrics);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        body(client.get(url).send().await.unwrap()).await.unwrap()
    }

    /// Tells it to end.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success());
    }

    /// Waits for its end, and gives its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "{:#?}", self.lines());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn body(mut response: reqwest::Response) -> reqwest::Result<(u16, String)> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok((
        response.status().as_u16(),
        String::from_utf8(bytes).unwrap(),
    ))
}

/// What the API server asks with: it trusts the authority alone.
pub(crate) fn client(authority: &Authority, program: &Program) -> reqwest::ClientBuilder {
    let ca = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([ca])
        .resolve(NAME, program.address)
        .no_proxy()
}
