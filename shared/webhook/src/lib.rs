//! Signatures of webhooks, as each provider makes them.
