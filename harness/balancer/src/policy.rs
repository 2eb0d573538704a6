/// Which server gets a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// The one that opened the request's session; a new session goes to the server with the fewest
    /// at the time, to each in turn where they have as many.
    Sticky,
    /// Each in turn, whatever the session: a wrong set-up, kept to be tested against. With two
    /// servers or more a polling client is soon told "Session ID unknown".
    RoundRobin,
    /// Each in turn. Polling is refused, as by a server that allows websockets only, so no session
    /// spans requests.
    WebsocketOnly,
}
