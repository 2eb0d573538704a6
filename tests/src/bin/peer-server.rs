//! The peer as a process: `peer-server [--port PORT]`, or the port in `PORT`. Prints what `SAYS`
//! has, with the port in the place of `{}`; nothing if it is empty.

use std::error::Error;

use socketio_fixtures::peer;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--port"), Some(port)) => port,
        _ => std::env::var("PORT").unwrap_or_else(|_| "0".into()),
    };
    let listener = TcpListener::bind(("127.0.0.1", port.parse::<u16>()?)).await?;
    let port = listener.local_addr()?.port().to_string();
    let says = std::env::var("SAYS");
    let says = says.unwrap_or_else(|_| "listening on http://127.0.0.1:{}".into());
    if !says.is_empty() {
        #[expect(clippy::print_stdout, reason = "who started it reads it there")]
        {
            println!("{}", says.replace("{}", &port));
        }
    }
    axum::serve(listener, peer::router()).await?;
    Ok(())
}
