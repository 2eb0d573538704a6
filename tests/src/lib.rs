//! Integration tests of the whole toolkit.
