//! The service and its HTTP protocols.
