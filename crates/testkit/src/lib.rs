//! Real peers and fixtures for tests.
