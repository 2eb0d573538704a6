//! Several servers behind one balancer.

mod together;
