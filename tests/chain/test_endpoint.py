"""The address of an RPC endpoint never shows more than scheme, host and port."""

from __future__ import annotations

import traceback

import pytest

from anchor.chain.endpoint import MAX_MESSAGE_CHARS, Endpoint
from anchor.errors import ConfigError

KEY = "k3y-0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        (f"https://rpc.example/v3/{KEY}", "https://rpc.example"),
        (f"https://rpc.example:8443/?apikey={KEY}", "https://rpc.example:8443"),
        (f"http://user:{KEY}@127.0.0.1:8545", "http://127.0.0.1:8545"),
        (f"http://[::1]:8545/{KEY}", "http://[::1]:8545"),
    ],
)
def test_endpoint_with_key_shows_origin_only(url: str, origin: str) -> None:
    """The key may stand in path, query or password: no repr shows it."""
    endpoint = Endpoint.parse(url)

    assert endpoint.origin == origin
    assert repr(endpoint) == f"Endpoint(origin={origin!r})"
    assert endpoint.scrub(f"bad key {KEY} for {url}").find(KEY) == -1


@pytest.mark.parametrize(
    "url",
    [
        "",
        KEY,
        f"ws://rpc.example/{KEY}",
        f"https:///{KEY}",
        f"http://rpc.example:99999999/{KEY}",
        f"http://[{KEY}",
    ],
)
def test_endpoint_of_other_text_is_config_error_without_it(url: str) -> None:
    """What is no http URL is refused, and neither message nor traceback repeats it."""
    with pytest.raises(ConfigError) as caught:
        Endpoint.parse(url)

    assert "rpc_url" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_scrub_percent_encoded_key_is_hidden_in_both_forms() -> None:
    """An endpoint may quote the key as it stands in the URL or decoded."""
    endpoint = Endpoint.parse("https://rpc.example/?token=p%24ss%20word9")

    assert endpoint.scrub("p%24ss%20word9 or p$ss word9") == "*** or ***"


def test_scrub_short_path_words_stay() -> None:
    """Words such as `eth` are no secrets, and hiding them would garble every message."""
    assert Endpoint.parse(f"https://rpc.example/eth/v3/{KEY}").scrub("eth v3") == "eth v3"


def test_scrub_control_characters_become_spaces() -> None:
    """Fault 50: an endpoint cannot forge log lines or colour a terminal."""
    assert Endpoint.parse("https://rpc.example").scrub("a\r\nb\x1b[31mc\u202ed") == "a  b [31mc d"


def test_scrub_long_text_is_cut() -> None:
    """An endpoint's words are bounded."""
    text = Endpoint.parse("https://rpc.example").scrub("x" * 10_000)

    assert text == "x" * MAX_MESSAGE_CHARS + "…"
