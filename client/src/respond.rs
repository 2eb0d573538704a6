use serde::Serialize;
use tokio::task::JoinHandle;

use crate::Result;
use crate::client::SocketIoClient;
use crate::event::{ANSWERING, Event};
use crate::stream::EventStream;

/// Answers the server's questions while it lives; see [`SocketIoClient::respond`].
#[derive(Debug)]
#[must_use = "dropping it ends the answering"]
pub struct Responder {
    task: JoinHandle<()>,
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SocketIoClient {
    /// Acks every event named `event` with what `answer` returns, until the responder is dropped.
    ///
    /// It claims the events like a stream, those that ask for no ack included. The answer follows
    /// the rules of [`EncodedArgs::new`](crate::EncodedArgs::new). Fails on an engine that cannot
    /// answer.
    ///
    /// ```no_run
    /// # fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// let _answering = client.respond("question", |question| {
    ///     (question.args().len(), "arguments")
    /// })?;
    /// # Ok(()) }
    /// ```
    pub fn respond<A: Serialize + 'static>(
        &self,
        event: &str,
        answer: impl FnMut(&Event) -> A + Send + 'static,
    ) -> Result<Responder> {
        self.shared().engine.refuse(ANSWERING)?;
        Ok(Responder { task: tokio::spawn(answer_all(self.on(event).in_background(), answer)) })
    }
}

async fn answer_all<A: Serialize>(mut questions: EventStream, mut answer: impl FnMut(&Event) -> A) {
    loop {
        match questions.next().await {
            Ok(question) => {
                let answer = answer(&question);
                if let Err(error) = question.ack(answer) {
                    tracing::debug!(target: "socketio", %error, "question not answered");
                }
            }
            // Silence is no end: the server asks when it likes.
            Err(crate::Error::Timeout { .. }) => {}
            Err(_) => break,
        }
    }
}
