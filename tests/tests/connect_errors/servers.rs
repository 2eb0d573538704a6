//! What listens there, if anything does, does not speak Socket.IO, or not as asked for.

use std::time::Duration;

use socketio_fixtures::hello;
use socketio_harness::{
    Protocol, ReservedPort, Result, Transport, close, create_app, create_socketio_client,
};
use socketio_tests::{node_peer, scripted};
use socketioxide::{SocketIo, TransportType};

use crate::{BOTH, Failure, says};

#[tokio::test]
async fn nothing_listens_on_the_port() -> Result {
    let reserved = ReservedPort::pick()?;
    let port = reserved.number();
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
            .timeout(Duration::from_secs(1))
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
async fn the_server_leads_elsewhere() -> Result {
    let login = "HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n";
    for transport in BOTH {
        let target = scripted::http(login).await.expect("a listener");
        let error = create_socketio_client(target).transports([transport]).await.unwrap_err();
        assert!(matches!(error, Failure::NotSocketIo { .. }), "{error}");
        says(&error, &["HTTP status 302 Found, which leads to \"/login\"\n"]);
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
        assert!(matches!(error, Failure::NotSocketIo { .. }), "{error}");
        says(&error, &["http://127.0.0.1:", "check that port and path agree"]);
        if transport == Transport::Websocket {
            says(&error, &["it ended the connection instead", "its URL begins with https"]);
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_port_is_silent() -> Result {
    for transport in BOTH {
        let target = scripted::http("").await.expect("a listener");
        let error = create_socketio_client(target)
            .transports([transport])
            .timeout(Duration::from_secs(1))
            .await
            .unwrap_err();
        assert!(matches!(error, Failure::Silent { .. }), "{error}");
        says(&error, &["within 1s", "accepted the connection", "check that a Socket.IO server"]);
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
    let timeout = Duration::from_secs(1);
    let error = create_socketio_client(target).timeout(timeout).await.unwrap_err();
    assert!(matches!(error, Failure::Silent { .. }), "{error}");
    says(&error, &["the Engine.IO open packet did not come within 1s"]);
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_speak_this_transport_or_protocol() -> Result {
    for transport in BOTH {
        let app = create_app(node_peer("peer.js").env("TRANSPORTS", other(transport))).await?;
        let error = create_socketio_client(&app).transports([transport]).await.unwrap_err();
        assert!(matches!(error, Failure::SessionRefused { .. }), "{error}");
        says(&error, &["Transport unknown (HTTP status 400, code 0)", "check the transports"]);
        close(app).await?;
    }
    let app = create_app(node_peer("peer.js")).await?;
    let old = create_socketio_client(&app).protocol(Protocol::V3);
    let error = old.transports([Transport::Polling]).await.unwrap_err();
    assert!(matches!(error, Failure::SessionRefused { code: 5, .. }), "{error}");
    says(&error, &["Unsupported protocol version", "check the protocol version"]);
    let error = create_socketio_client(&app).protocol(Protocol::V3).await.unwrap_err();
    assert!(matches!(error, Failure::NotSocketIo { .. }), "{error}");
    says(&error, &["hint: socket.io 3 and 4 serve Engine.IO 3 with allowEIO3 alone"]);
    close(app).await
}

fn other(transport: Transport) -> &'static str {
    match transport {
        Transport::Polling => "websocket",
        Transport::Websocket => "polling",
    }
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
async fn socketioxide_does_not_allow_the_transport() -> Result {
    for (transport, allowed) in
        BOTH.into_iter().zip([TransportType::Polling, TransportType::Websocket])
    {
        let (layer, io) = SocketIo::builder().transports([allowed]).build_layer();
        io.ns("/", async || {});
        let app = create_app(axum::Router::new().layer(layer)).await?;
        let error = create_socketio_client(&app).transports([transport]).await.unwrap_err();
        says(&error, &["(HTTP status 400, code 3)", "check the transports: does the server allow"]);
        close(app).await?;
    }
    Ok(())
}
