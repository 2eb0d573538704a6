//! Boot a Socket.IO server for a test, talk to it, take it down: create_app, create_socketio_client, close.
