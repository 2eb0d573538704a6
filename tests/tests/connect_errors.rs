//! Each way a connection can fail has an error of its own, which says what to check.

use std::time::Duration;

use serde_json::json;
use socketio_fixtures::{hello, peer};
use socketio_harness::{
    ChildProcess, ClientError, Error, Result, Transport, close, create_app, create_socketio_client,
};
use socketio_tests::{Peer, node_peer, scripted};

type Failure = ClientError;

const BOTH: [Transport; 2] = [Transport::Websocket, Transport::Polling];

#[track_caller]
fn says(error: &Failure, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
    assert_eq!(format!("{error:?}"), text, "a failing test prints Debug");
}

#[tokio::test]
async fn nothing_listens_on_the_port() -> Result {
    let app = create_app(hello::router()).await?;
    let port = app.port();
    close(app).await?;
    for transport in BOTH {
        let error = create_socketio_client(port).transports([transport]).await.unwrap_err();
        assert!(matches!(error, Failure::Unreachable { .. }), "{error}");
        says(&error, &[&format!("127.0.0.1:{port}"), "refused", "check that the server runs"]);
    }
    Ok(())
}

#[tokio::test]
async fn the_path_is_another_one() -> Result {
    let app = create_app(hello::router()).await?;
    for transport in BOTH {
        let error = create_socketio_client(&app)
            .path("/elsewhere")
            .transports([transport])
            .await
            .unwrap_err();
        assert!(matches!(error, Failure::NotSocketIo { .. }), "{error}");
        says(&error, &["/elsewhere/", "HTTP status 404", "port and path agree"]);
    }
    close(app).await
}

#[tokio::test]
async fn the_path_is_another_one_on_a_server_that_then_says_nothing() -> Result {
    // Node's server answers no request for a path that nobody has claimed.
    let app = create_app(node_peer("peer.js")).await?;
    for transport in BOTH {
        let error = create_socketio_client(&app)
            .path("/elsewhere")
            .transports([transport])
            .timeout(Duration::from_millis(300))
            .await
            .unwrap_err();
        says(&error, &["/elsewhere/", "path agree"]);
    }
    close(app).await
}

#[tokio::test]
async fn a_web_page_answers() -> Result {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n\
                <!doctype html>";
    for transport in BOTH {
        let target = scripted::http(page).await.expect("a listener");
        let error = create_socketio_client(target).transports([transport]).await.unwrap_err();
        assert!(matches!(error, Failure::NotSocketIo { .. }), "{error}");
        says(&error, &["did not answer like a Socket.IO server", "check that port and path"]);
    }
    Ok(())
}

#[tokio::test]
async fn something_else_than_http_answers() -> Result {
    for transport in BOTH {
        let target = scripted::http("SSH-2.0-OpenSSH_9.2\r\n").await.expect("a listener");
        let error = create_socketio_client(target).transports([transport]).await.unwrap_err();
        assert!(matches!(error, Failure::NotSocketIo { .. }), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn the_connection_is_closed_without_an_answer() -> Result {
    for transport in BOTH {
        let target = scripted::tcp(async |stream| drop(stream)).await.expect("a listener");
        let error = create_socketio_client(target).transports([transport]).await.unwrap_err();
        says(&error, &["http://127.0.0.1:"]);
        assert!(
            matches!(error, Failure::NotSocketIo { .. } | Failure::Unreachable { .. }),
            "{error}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_port_is_silent() -> Result {
    for transport in BOTH {
        let target = scripted::http("").await.expect("a listener");
        let error = create_socketio_client(target)
            .transports([transport])
            .timeout(Duration::from_millis(50))
            .await
            .unwrap_err();
        assert!(matches!(error, Failure::Silent { .. }), "{error}");
        says(&error, &["within 50ms", "accepted the connection", "check that a Socket.IO server"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_websocket_server_that_is_not_socketio() -> Result {
    let echo = async |mut socket: scripted::Websocket| {
        socket.text("welcome").await;
        socket.drain().await;
    };
    let target = scripted::websocket(echo).await.expect("a listener");
    let error = create_socketio_client(target).await.unwrap_err();
    assert!(matches!(error, Failure::NotSocketIo { .. }), "{error}");
    says(&error, &["parse error", "\"welcome\"", "the conversation so far"]);

    let silent = async |mut socket: scripted::Websocket| socket.drain().await;
    let target = scripted::websocket(silent).await.expect("a listener");
    let timeout = Duration::from_millis(50);
    let error = create_socketio_client(target).timeout(timeout).await.unwrap_err();
    assert!(matches!(error, Failure::Silent { .. }), "{error}");
    says(&error, &["the Engine.IO open packet did not come within 50ms"]);
    Ok(())
}

#[tokio::test]
async fn the_namespace_does_not_exist() -> Result {
    for app in [create_app(hello::router()).await?, create_app(node_peer("peer.js")).await?] {
        for transport in BOTH {
            let error = create_socketio_client(&app)
                .namespace("/nope")
                .transports([transport])
                .await
                .unwrap_err();
            assert!(matches!(error, Failure::InvalidNamespace { .. }), "{error}");
            says(&error, &["no namespace \"/nope\"", "agrees on both sides"]);
        }
        close(app).await?;
    }
    Ok(())
}

#[tokio::test]
async fn python_says_of_no_namespace_what_is_wrong() -> Result {
    let app = Peer::Python.boot().await?;
    for transport in BOTH {
        let error = create_socketio_client(&app)
            .namespace("/nope")
            .transports([transport])
            .await
            .unwrap_err();
        let text = "connect_error on namespace \"/nope\": Unable to connect";
        assert_eq!(error.to_string(), text);
    }
    close(app).await
}

#[tokio::test]
async fn a_middleware_refuses() -> Result {
    for peer in [Peer::Node, Peer::Python] {
        let app = peer.boot().await?;
        let error = create_socketio_client(&app).namespace("/refused").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "connect_error on namespace \"/refused\": not allowed {\"code\":7}"
        );
        let Failure::ConnectError { data, .. } = error else { panic!("{error}") };
        assert_eq!(data, Some(json!({"code": 7})));
        close(app).await?;
    }

    let rust = create_app(peer::router()).await?;
    let error = create_socketio_client(&rust).namespace("/refused").await.unwrap_err();
    assert_eq!(error.to_string(), "connect_error on namespace \"/refused\": not allowed");
    close(rust).await
}

#[tokio::test]
async fn a_server_refuses_with_a_bare_string() -> Result {
    let script = async |mut socket: scripted::Websocket| {
        socket.text(scripted::OPEN).await;
        socket.next().await;
        socket.text("44\"Unable to connect\"").await;
        socket.drain().await;
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let error = create_socketio_client(target).await.unwrap_err();
    assert_eq!(error.to_string(), "connect_error on namespace \"/\": Unable to connect");
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_accepts_the_namespace() -> Result {
    let script = async |mut socket: scripted::Websocket| {
        socket.text(scripted::OPEN).await;
        socket.drain().await;
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let timeout = Duration::from_millis(50);
    let error = create_socketio_client(target).timeout(timeout).await.unwrap_err();
    assert!(matches!(error, Failure::Timeout { .. }), "{error}");
    says(&error, &["the CONNECT reply of namespace \"/\"", "middleware", "→ websocket 40"]);
    Ok(())
}

#[tokio::test]
async fn a_transport_the_server_does_not_speak() -> Result {
    let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 40\r\n\r\n\
                  {\"code\":0,\"message\":\"Transport unknown\"} ";
    let target = scripted::http(answer).await.expect("a listener");
    let error = create_socketio_client(target).transports([Transport::Polling]).await.unwrap_err();
    says(&error, &["Transport unknown (HTTP status 400, code 0)", "check the transports"]);
    Ok(())
}

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
    says(create_socketio_client("localhost:3000"), &["target URL", "expected"]).await;
    says(create_socketio_client("ftp://host"), &["expected the scheme http"]).await;
    says(create_socketio_client(1).auth("token"), &["auth", "expected a JSON object"]).await;
    says(create_socketio_client(1).header("na me", "x"), &["header", "na me"]).await;
    says(create_socketio_client(1).transports([]), &["transports", "[]"]).await;
    Ok(())
}

#[tokio::test]
async fn a_child_that_is_not_a_server_is_shown() {
    let child = ChildProcess::new("node").arg("-e").arg("console.log('bye')");
    let error = create_app(child).await.unwrap_err().to_string();
    assert!(error.contains("`node -e console.log('bye')` ended (exit status: 0)"), "{error}");
    assert!(error.contains("it printed:\n    bye"), "{error}");
}
