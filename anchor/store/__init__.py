"""Durable state: one protocol, its SQLite implementation, and the test suite that any other must pass."""
