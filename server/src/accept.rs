//! The accept loop: TCP, TLS, HTTP/1.1, limits, graceful shutdown.
