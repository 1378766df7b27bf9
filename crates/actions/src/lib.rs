//! The GitHub Actions cache protocol: messages, keys, scopes, versions.
