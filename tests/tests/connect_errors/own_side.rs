//! What is wrong on this side, before anything is connected to.

use socketio_fixtures::hello;
use socketio_harness::{ChildProcess, Error, Result, close, create_app, create_socketio_client};

use crate::says;

#[tokio::test]
async fn a_port_in_use_is_named() -> Result {
    let app = create_app(hello::router()).await?;
    let error = create_app(hello::router()).port(app.port()).await.unwrap_err();
    assert!(matches!(error, Error::PortInUse { .. }), "{error}");
    assert!(error.to_string().starts_with(&format!("port {} is already in use", app.port())));
    close(app).await
}

#[tokio::test]
async fn options_that_make_no_sense_are_named() -> Result {
    let says = async |builder: socketio_harness::ClientBuilder, parts: &[&str]| {
        says(&builder.await.unwrap_err(), parts);
    };
    let no_scheme = &["target URL \"localhost:3000\"", "write \"http://localhost:3000\""];
    says(create_socketio_client("localhost:3000"), no_scheme).await;
    says(create_socketio_client("ftp://host"), &["expected the scheme http"]).await;
    says(create_socketio_client(1).auth("token"), &["auth", "expected a JSON object"]).await;
    says(create_socketio_client(1).header("na me", "x"), &["header", "na me"]).await;
    says(create_socketio_client(1).transports([]), &["transports", "[]"]).await;
    says(create_socketio_client(1).namespace("/a,b"), &["namespace", "/a,b", "comma"]).await;
    says(create_socketio_client(1).namespace("/a?b=c"), &["namespace", "/a?b=c", ".query("]).await;
    for path in ["/my path", "/a?b=c", "/a#b", "/\n"] {
        says(create_socketio_client(1).path(path), &["invalid path", "expected"]).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_child_that_is_not_a_server_is_shown() {
    let child = ChildProcess::new("node").arg("-e").arg("console.log('bye')");
    let error = create_app(child).await.unwrap_err().to_string();
    assert!(error.contains("`node -e console.log('bye')` ended (exit status: 0)"), "{error}");
    assert!(error.contains("it printed:\n    bye"), "{error}");
}
