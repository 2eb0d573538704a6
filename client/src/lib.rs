//! A Socket.IO client for tests: it never loses an event, never hangs and never leaks.
