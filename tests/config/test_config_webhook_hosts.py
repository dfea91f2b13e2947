"""The servers that webhooks may call though they are not public: from the file, or from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.config import Settings, load_settings
from anchor.errors import ConfigError

MINIMAL = f"""
[chain]
rpc_url = "https://rpc.example.org"
contract = "{"0x" + "c0" * 20}"
chain_id = 31337
"""


def load(folder: Path, hosts: str | None, **environment: str) -> Settings:
    """Write a settings file with this value and load it."""
    path = folder / "anchor.toml"
    text = MINIMAL if hosts is None else f"{MINIMAL}[limits]\nwebhook_hosts = {hosts}\n"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment)


def test_webhook_hosts_are_read_from_the_file_or_the_environment(tmp_path: Path) -> None:
    """An array in the file; separated by commas in the environment, which wins; none where nothing is said."""
    file = '["localhost:8081", "[::1]:9"]'

    assert load(tmp_path, None).limits.webhook_hosts == ()
    assert load(tmp_path, "[]").limits.webhook_hosts == ()
    assert load(tmp_path, file).limits.webhook_hosts == ("localhost:8081", "[::1]:9")
    assert load(tmp_path, file, ANCHOR_LIMITS_WEBHOOK_HOSTS="a:1, b:2").limits.webhook_hosts == ("a:1", "b:2")
    assert load(tmp_path, file, ANCHOR_LIMITS_WEBHOOK_HOSTS="").limits.webhook_hosts == (
        "localhost:8081",
        "[::1]:9",
    )


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ("7", "limits.webhook_hosts must be a list of texts"),
        ('["a:1", 7]', "limits.webhook_hosts must be a list of texts"),
        ('[""]', "limits.webhook_hosts must be a list of texts"),
        ('{a = "b"}', "limits.webhook_hosts must be a list of texts"),
        ('["receiver.example.org"]', "limits.webhook_hosts: allowed host 'receiver.example.org'"),
        ('["https://receiver.example.org:1"]', "limits.webhook_hosts: allowed host"),
        ('["receiver.example.org:0"]', "limits.webhook_hosts: port 0"),
    ],
)
def test_webhook_hosts_of_another_form_are_named(tmp_path: Path, hosts: str, words: str) -> None:
    """What is no list of host:port is refused at the start, not when a webhook is added."""
    with pytest.raises(ConfigError) as failure:
        load(tmp_path, hosts)

    assert words in str(failure.value)
