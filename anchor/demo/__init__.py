"""The whole story on one machine: a development chain, a real service, credentials, verdicts."""
