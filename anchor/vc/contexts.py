"""The JSON-LD contexts that this project knows; where each file is from stands beside them in contexts/README.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

CREDENTIALS_V1 = "https://www.w3.org/2018/credentials/v1"
CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
DATA_INTEGRITY_V2 = "https://w3id.org/security/data-integrity/v2"
STATUS_V1 = "https://www.w3.org/ns/credentials/status/v1"

_OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/"
_CLR = "https://purl.imsglobal.org/spec/clr/v2p0/"

_FILES = {
    CREDENTIALS_V1: "credentials-v1",
    CREDENTIALS_V2: "credentials-v2",
    "https://www.w3.org/ns/credentials/undefined-terms/v2": "credentials-undefined-terms-v2",
    "https://www.w3.org/ns/credentials/examples/v2": "credentials-examples-v2",
    STATUS_V1: "bitstring-status-list-v1",
    "https://w3id.org/security/data-integrity/v1": "data-integrity-v1",
    DATA_INTEGRITY_V2: "data-integrity-v2",
    "https://w3id.org/security/multikey/v1": "multikey-v1",
    "https://w3id.org/security/suites/ed25519-2020/v1": "ed25519-2020-v1",
    f"{_OPEN_BADGES}context.json": "open-badges-3.0.0",
    f"{_OPEN_BADGES}context-3.0.1.json": "open-badges-3.0.1",
    f"{_OPEN_BADGES}context-3.0.2.json": "open-badges-3.0.2",
    f"{_OPEN_BADGES}context-3.0.3.json": "open-badges-3.0.3",
    f"{_OPEN_BADGES}extensions.json": "open-badges-extensions",
    f"{_CLR}context.json": "clr-2.0.0",
    f"{_CLR}context-2.0.1.json": "clr-2.0.1",
}


def load_contexts() -> Mapping[str, Mapping[str, object]]:
    """Read all bundled contexts, by their URLs."""
    folder = files("anchor.vc").joinpath("contexts")
    return {url: json.loads(folder.joinpath(f"{name}.json").read_bytes()) for url, name in _FILES.items()}
