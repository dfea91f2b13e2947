"""Verifiable credentials: their rules, their canonical form, their Data Integrity proofs; pure, without network."""
