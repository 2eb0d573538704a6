//! Conformance cases for Socket.IO servers in any language, their runner and its reports.
