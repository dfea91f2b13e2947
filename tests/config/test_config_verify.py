"""What verifying may fetch from others: nothing by default, and hosts of one form alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.config import Settings, VerifySettings, load_settings
from anchor.errors import ConfigError
from status_lists.errors import RetrievalFailed
from status_lists.targets import parse_host
from tests.config.test_config_webhook_hosts import MINIMAL


def load(folder: Path, text: str, **environment: str) -> Settings:
    """Write a settings file with this section and load it."""
    path = folder / "anchor.toml"
    path.write_text(f"{MINIMAL}[verify]\n{text}\n", encoding="utf-8")
    return load_settings(path, environment)


def test_verify_settings_allow_nothing_unless_they_say_so(tmp_path: Path) -> None:
    """The defaults, the file, and the environment, which wins."""
    assert load(tmp_path, "").verify == VerifySettings(
        list_hosts=(), resource_hosts=(), local_hosts=(), min_list_entries=131_072
    )
    text = 'list_hosts = ["lists.example.org", "a:8443"]\nmin_list_entries = 100000'
    assert load(tmp_path, text).verify == VerifySettings(
        list_hosts=("lists.example.org", "a:8443"), min_list_entries=100_000
    )
    assert load(tmp_path, text, ANCHOR_VERIFY_LIST_HOSTS="b.example").verify.list_hosts == ("b.example",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('list_hosts = ["https://lists.example.org"]', "verify.list_hosts: allowed host"),
        ('resource_hosts = ["a:0"]', "verify.resource_hosts: port 0"),
        ('local_hosts = ["a b"]', "verify.local_hosts: allowed host"),
        ('list_hosts = "*"', "verify.list_hosts"),
        ("min_list_entries = 0", "verify.min_list_entries must be from 1"),
        ("fetch = true", "unknown key verify.fetch"),
    ],
)
def test_verify_settings_of_another_form_are_named(tmp_path: Path, text: str, words: str) -> None:
    """A mistake shows at the start."""
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("Lists.Example.org", "lists.example.org:443"),
        ("lists.example.org:8443", "lists.example.org:8443"),
        ("[::1]", "[::1]:443"),
        ("[::1]:80", "[::1]:80"),
    ],
)
def test_parse_host_without_a_port_is_that_of_https(text: str, authority: str) -> None:
    """A host alone, or with its port."""
    assert parse_host(text) == authority


@pytest.mark.parametrize("text", ["", "*", "a:", "a:b", "a:70000", "user@a", "a/b", "::1", "https://a", "ä"])
def test_parse_host_of_another_form_is_refused(text: str) -> None:
    """Whatever could be read in two ways."""
    with pytest.raises(RetrievalFailed):
        parse_host(text)
