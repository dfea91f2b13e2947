"""The bundled contexts: all there, and those of whom it can be said, the ones their publishers serve."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import pytest

from anchor.vc.contexts import load_contexts

FOLDER = Path(str(files("anchor.vc").joinpath("contexts")))
VECTORS = Path(__file__).parents[1] / "vectors" / "contexts"


def test_contexts_every_file_is_named_and_every_name_has_its_file() -> None:
    """No file lies there that no URL leads to, and each holds a context."""
    contexts = load_contexts()

    assert len(contexts) == len(list(FOLDER.glob("*.json")))
    assert all("@context" in document for document in contexts.values())


def test_contexts_readme_names_every_file() -> None:
    """Where each file is from stands beside it."""
    readme = (FOLDER / "README.md").read_text("utf-8")
    patterns = [name.replace("*", ".*") for name in re.findall(r"`([a-z0-9.*-]+\.json)`", readme)]

    for path in FOLDER.glob("*.json"):
        assert any(re.fullmatch(pattern, path.name) for pattern in patterns), path.name


def test_contexts_credentials_v2_is_the_one_the_vectors_were_made_with() -> None:
    """The base context, which decides what nearly every signature means, is byte for byte the published one."""
    bundled = (FOLDER / "credentials-v2.json").read_bytes()

    assert bundled == (VECTORS / "credentials-v2.json").read_bytes()
    assert hashlib.sha256(bundled).hexdigest().startswith("8a9f494a89ecc51db093e90e84713e07")


@pytest.mark.parametrize("url", load_contexts())
def test_contexts_need_no_context_beyond_the_bundled(url: str) -> None:
    """No context imports another that would have to be fetched."""
    contexts = load_contexts()
    named = contexts[url]["@context"]

    for item in named if isinstance(named, list) else [named]:
        assert isinstance(item, dict) or item in contexts
