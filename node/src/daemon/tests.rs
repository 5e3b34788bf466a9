//! A node with its real listener.

use std::path::Path;
use std::sync::Arc;

use report::message::Language;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Daemon, DaemonError, Made, make, running};
use crate::config::{Config, Draft};
use crate::log::{Log, tests::Written};

async fn made(folder: &Path, passphrase: Option<&str>) -> Result<Made, DaemonError> {
    let draft = Draft {
        name: "bank".to_owned(),
        partners: None,
        people: "127.0.0.1:0".to_owned(),
        database: None,
        passphrase: None,
    };
    make(folder, &draft, passphrase, "anna", Language::English).await
}

/// A client that trusts the certificate in the node's folder, and nothing else.
async fn connect(folder: &Path, daemon_address: std::net::SocketAddr) -> TlsStream<TcpStream> {
    let file = folder.join("people-certificate.pem");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(daemon_address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn exchange(stream: &mut TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The end of a connection without `close_notify` is an end all the same.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_node_is_made_served_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node");
    let made_node = made(&path, Some("open sesame")).await.unwrap();
    assert!(matches!(made(&path, None).await, Err(DaemonError::NotEmpty(_))));
    let config = Config::read(&path).unwrap();
    let written = Written::default();
    let log = || Log::to(written.clone());
    for wrong in [None, Some("open sesama")] {
        let error = Daemon::start(&config, wrong, log()).await.unwrap_err();
        assert!(matches!(error, DaemonError::Identity(_)), "{error}");
    }
    let daemon = Daemon::start(&config, Some("open sesame"), log()).await.unwrap();
    let now_running = running(&path).unwrap().unwrap();
    assert_eq!(now_running.fingerprint, made_node.fingerprint);
    let second = Daemon::start(&config, Some("open sesame"), log()).await.unwrap_err();
    assert!(second.to_string().contains(&format!("process {}", std::process::id())), "{second}");

    let address = daemon.address();
    assert_eq!(now_running.address, address);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(daemon.run(async move {
        let _ = stopped.await;
    }));
    let body = json!({ "name": "anna", "password": *made_node.password }).to_string();
    let request = format!(
        "POST /api/v1/session HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = connect(&path, address).await;
    let answer = exchange(&mut stream, &request).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nstrict-transport-security: max-age"), "{answer}");

    // A call that is on its way when the node stops is answered.
    let mut stream = connect(&path, address).await;
    let (head, tail) = request.split_at(request.len() - 1);
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    stop.send(()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody new is taken");
    let answer = exchange(&mut stream, tail).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    served.await.unwrap();
    assert_eq!(running(&path).unwrap(), None);
    let text = written.text();
    assert!(text.contains("\"message\":\"stopped\""), "{text}");
}

#[tokio::test]
async fn a_database_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    made(&one, None).await.unwrap();
    made(&other, None).await.unwrap();
    std::fs::copy(one.join("node.db"), other.join("node.db")).unwrap();
    let config = Config::read(&other).unwrap();
    let error = Daemon::start(&config, None, Log::to(std::io::sink())).await.unwrap_err();
    assert!(matches!(error, DaemonError::Foreign { .. }), "{error}");
}
