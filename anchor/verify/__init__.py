"""Verify credentials and audit publishers, by a trust set of the verifier's own.

report = await verify_file("badge.json", trust=load_trust("trust.toml"))
report.verdict, report.reasons, report.to_json()
"""

from __future__ import annotations

from anchor.core.verdict import Reason, Verdict
from anchor.verify.as_of import AsOf
from anchor.verify.chain_view import OpenChain
from anchor.verify.evidence_files import evidence_path_of
from anchor.verify.files import StatusFiles, proof_path_of, verify_file
from anchor.verify.findings import Finding, Outcome
from anchor.verify.report import Report
from anchor.verify.sources import ListSource, PublishedFiles, open_files
from anchor.verify.trust import Anchorage, FileLocation, ForeignHost, TrustedIssuer, TrustSet
from anchor.verify.trust_file import default_trust_path, load_trust, parse_trust, write_trust
from anchor.verify.verifier import verify_credential

__all__ = [
    "Anchorage",
    "AsOf",
    "FileLocation",
    "Finding",
    "ForeignHost",
    "ListSource",
    "OpenChain",
    "Outcome",
    "PublishedFiles",
    "Reason",
    "Report",
    "StatusFiles",
    "TrustSet",
    "TrustedIssuer",
    "Verdict",
    "default_trust_path",
    "evidence_path_of",
    "load_trust",
    "open_files",
    "parse_trust",
    "proof_path_of",
    "verify_credential",
    "verify_file",
    "write_trust",
]
