"""URLs of lists: what they lead to, and the tricks that are refused before anything is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.errors import RetrievalFailed
from status_lists.targets import parse_authority, parse_target, redirected_target


@pytest.mark.parametrize(
    ("url", "asked", "authority"),
    [
        ("https://lists.example/3", "https://lists.example:443/3", "lists.example:443"),
        ("HTTPS://Lists.Example/A?b=C", "https://lists.example:443/A?b=C", "lists.example:443"),
        ("https://lists.example", "https://lists.example:443/", "lists.example:443"),
        ("https://lists.example?x=1", "https://lists.example:443/?x=1", "lists.example:443"),
        ("https://lists.example:8443/3#list", "https://lists.example:8443/3", "lists.example:8443"),
        ("http://127.0.0.1:80/%2e%2e/a%00", "http://127.0.0.1:80/%2e%2e/a%00", "127.0.0.1:80"),
        ("https://[2A00::1]/3", "https://[2a00::1]:443/3", "[2a00::1]:443"),
    ],
)
def test_parse_target_plain_url_gives_its_parts(url: str, asked: str, authority: str) -> None:
    """The path stays as it is written; the host is lower case; the port is always named."""
    target = parse_target(url)

    assert (target.url, target.authority) == (asked, authority)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "lists.example/3",
        "//lists.example/3",
        "file:///etc/passwd",
        "FILE://lists.example/etc/passwd",
        "ftp://lists.example/3",
        "gopher://lists.example/3",
        "data:application/vc,{}",
        "unix:///var/run/docker.sock",
        "http+unix://lists.example/3",
        "did:web:lists.example",
        "https:lists.example/3",
        "https:/lists.example/3",
        "https:///3",
        "https://user@lists.example/3",
        "https://user:secret@lists.example/3",
        "https://@lists.example/3",
        "https://lists.example\\@127.0.0.1/3",
        "https://lists.example\\.evil/3",
        "https://lists.example%2f@127.0.0.1/3",
        "https://lists.example%00.evil/3",
        "https://lists.example:443:80/3",
        "https://lists.example:0/3",
        "https://lists.example:65536/3",
        "https://lists.example:999999/3",
        "https://lists.example:/3",
        "https://lists.example:\uff14\uff14\uff13/3",
        "https://①②⑦.⓪.⓪.①/3",
        "https://l\u0131sts.example/3",
        "https://[fe80::1%25eth0]/3",
        "https://[127.0.0.1/3",
        "https://lists.example/3 4",
        "https://lists.example/3\r\nHost: evil",
        "https://lists.example/3\n",
        "\thttps://lists.example/3",
        " https://lists.example/3",
        "https://lists.example/é",
        f"https://lists.example/{'a' * 2_048}",
    ],
)
def test_parse_target_trick_is_refused(url: str) -> None:
    """Other schemes, users, ports that are none, and whatever two readers could read differently."""
    with pytest.raises(RetrievalFailed):
        parse_target(url)


def test_parse_target_refusal_shows_no_part_of_the_url() -> None:
    """A password in a URL does not get into the message."""
    with pytest.raises(RetrievalFailed) as refused:
        parse_target("https://user:secret@lists.example/token")

    assert "secret" not in str(refused.value)
    assert "token" not in str(refused.value)


@given(st.text(max_size=80))
def test_parse_target_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but RetrievalFailed, and what is read is read the same again."""
    for url in (text, f"https://{text}", f"https://lists.example/{text}"):
        try:
            target = parse_target(url)
        except RetrievalFailed:
            continue
        assert parse_target(target.url) == target


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/4", "https://lists.example:443/4"),
        ("4?v=2", "https://lists.example:443/a/4?v=2"),
        ("https://LISTS.example/4", "https://lists.example:443/4"),
        ("https://lists.example:443/4#x", "https://lists.example:443/4"),
        ("//lists.example/4", "https://lists.example:443/4"),
        ("", "https://lists.example:443/a/3"),
    ],
)
def test_redirected_target_same_origin_is_followed(location: str, asked: str) -> None:
    """Relative and absolute addresses of the same scheme, host and port."""
    assert redirected_target(parse_target("https://lists.example/a/3"), location).url == asked


@pytest.mark.parametrize(
    "location",
    [
        "https://other.example/4",
        "https://lists.example.evil/4",
        "https://lists.example./4",
        "https://lists.example:8443/4",
        "http://lists.example/4",
        "http://lists.example:443/4",
        "//other.example/4",
        "ht\ttps://other.example/4",
        "\x00https://other.example/4",
        "https://lists.example:443\\.other.example/4",
        "/\\other.example/4",
        "\\\\other.example/4",
        "https://user@lists.example/4",
        "https://lists.example@127.0.0.1/4",
        "https://127.0.0.1/4",
        "https://[::1]/4",
        "https://[::1/4",
        "file:///etc/passwd",
        "data:,x",
        "/é",
    ],
)
def test_redirected_target_elsewhere_is_refused(location: str) -> None:
    """Another host, port or scheme, a user name, or an address that is none."""
    with pytest.raises(RetrievalFailed):
        redirected_target(parse_target("https://lists.example/a/3"), location)


def test_parse_authority_gives_lower_case_and_refuses_other_forms() -> None:
    """An allowed host is named with its port, so that a neighbour on the same machine is not allowed too."""
    assert parse_authority("LocalHost:8443") == "localhost:8443"
    assert parse_authority("[::1]:80") == "[::1]:80"
    for text in ("localhost", "http://localhost:80", "localhost:", "localhost:99999", "*:80", "::1:80"):
        with pytest.raises(RetrievalFailed):
            parse_authority(text)
