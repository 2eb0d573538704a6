use crate::{
    Case, Context, Failure, FailureKind, Section,
    raw::{Session as _, WebSocket},
};

pub(super) fn cases() -> Vec<Case> {
    let disconnect = Section::Disconnect;
    vec![
        disconnect.must(
            "sio.disconnect.leaves_the_main_namespace",
            "One side can end the connection to a namespace with DISCONNECT: the server handles no \
             more events there and keeps the other namespaces.",
            leaves_the_main_namespace,
        ),
        disconnect.must(
            "sio.disconnect.leaves_a_custom_namespace_only",
            "DISCONNECT ends the connection to the namespace that it names, and to no other.",
            leaves_a_custom_namespace_only,
        ),
    ]
}

async fn leaves_the_main_namespace(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.connect("/custom").await?;
    socket.send("41").await?;
    expect_left(&mut socket, "42", "42/custom,").await
}

async fn leaves_a_custom_namespace_only(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.connect("/custom").await?;
    socket.send("41/custom,").await?;
    expect_left(&mut socket, "42/custom,", "42").await
}

/// The namespace of `kept` answers, and the one of `left` no longer does.
async fn expect_left(socket: &mut WebSocket, left: &str, kept: &str) -> Result<(), Failure> {
    socket.send(&format!(r#"{kept}["message","kept"]"#)).await?;
    socket.expect(&format!(r#"{kept}["message-back","kept"]"#)).await?;
    match send_to_left(socket, left, kept).await {
        // A server may close the connection on an event for a namespace that was left.
        Err(failure) if failure.kind == FailureKind::Disconnected => Ok(()),
        other => other,
    }
}

async fn send_to_left(socket: &mut WebSocket, left: &str, kept: &str) -> Result<(), Failure> {
    socket.send(&format!(r#"{left}["message","left"]"#)).await?;
    // Two round trips, since a server that handles events concurrently may answer the first
    // fence before the event ahead of it.
    for round in 1..=2 {
        socket.send(&format!(r#"{kept}["message",{round}]"#)).await?;
        socket.expect(&format!(r#"{kept}["message-back",{round}]"#)).await?;
    }
    Ok(())
}
