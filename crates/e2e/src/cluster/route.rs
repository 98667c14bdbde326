//! The way from the API server to Services, without a network of a cluster: an egress proxy (`EgressSelectorConfiguration`, HTTP CONNECT) that leads
//! every connection to where the one program listens that stands for all of them.
//!
//! So a webhook is registered by its Service, as it is deployed, and the API server does the TLS handshake for `NAME.NAMESPACE.svc`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{fs, io, thread};

use anyhow::{Context as _, Result};
use serde_json::json;

/// An egress proxy on a socket of the cluster's folder; it ends with the test program.
#[derive(Debug)]
pub(super) struct Route {
    /// The file for `--egress-selector-config-file`.
    pub(super) config: PathBuf,
}

impl Route {
    /// Leads to this port of loopback whatever the API server asks within the cluster.
    pub(super) fn open(folder: &Path, port: u16) -> Result<Self> {
        let socket = folder.join("egress.sock");
        let listener = UnixListener::bind(&socket).context("opening the egress proxy")?;
        let config = folder.join("egress.json");
        let selection = json!({
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [{
                "name": "cluster",
                "connection": {
                    "proxyProtocol": "HTTPConnect",
                    "transport": {"uds": {"udsName": socket}},
                },
            }],
        });
        fs::write(&config, selection.to_string())?;
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // The API server sees a connection that ends, as it would of a Service without Pods.
                thread::spawn(move || lead(stream, port));
            }
        });
        Ok(Self { config })
    }
}

fn lead(client: UnixStream, port: u16) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    // The head of the request, whatever it says; it ends with an empty line.
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let mut answer = client.try_clone()?;
    answer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let mut upward = server.try_clone()?;
    let up = thread::spawn(move || {
        let _ = io::copy(&mut reader, &mut upward);
        upward.shutdown(Shutdown::Write)
    });
    let mut downward = server;
    let _ = io::copy(&mut downward, &mut answer);
    let _ = answer.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}
