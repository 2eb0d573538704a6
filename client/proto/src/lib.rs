//! Engine.IO v4 and Socket.IO v5 without I/O: no sockets, no runtime, no clock.
