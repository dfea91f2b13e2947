"""The trust file: what it may say, and what is said where it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.errors import InvalidInput
from anchor.verify import (
    Anchorage,
    FileLocation,
    ForeignHost,
    TrustedIssuer,
    TrustSet,
    load_trust,
    parse_trust,
    write_trust,
)
from status_lists import ListKey
from status_lists.p256 import P256Key
from tests.support.fake_chain import CONTRACT, address

KEY = ListKey(b"\x01" * 32)
ANCHORAGE = f"""
[[anchorage]]
chain_id = 11155111
genesis_hash = "0x{"ab" * 32}"
contract = "{CONTRACT}"
publisher = "{address(1)}"
rpc = "https://rpc.example/secret"
"""
ISSUER = '[[issuer]]\nid = "did:web:x.example"\n'


def test_trust_file_written_is_read_back_the_same() -> None:
    """What is exported says the same when it is read, whatever characters are in it."""
    trust = TrustSet(
        anchorages=(
            Anchorage(
                chain_id=1,
                genesis_hash=b"\xab" * 32,
                contract=CONTRACT,
                publisher=address(1),
                rpc='https://rpc.example/"key"',
                from_block=7,
                code_hash=b"\xcd" * 32,
                confirmations=12,
                receipt_keys=(KEY.public_key, ListKey(b"\x02" * 32).public_key),
            ),
            Anchorage(chain_id=2, genesis_hash=bytes(32), contract=CONTRACT, publisher=address(2)),
        ),
        issuers=(
            TrustedIssuer(
                id="did:web:x.example",
                aliases=("https://x.example",),
                name='Zoë\'s "School"\n\x7f\t',
                keys=(KEY.public_key,),
                p256_keys=(P256Key(b"\x01" * 32).public_key,),
            ),
        ),
        accepts_any_issuer=True,
        files=FileLocation(address="https://anchor.example", is_mirror=False),
        max_status_age_s=3600,
        foreign_hosts=(
            ForeignHost(authority="lists.example.org:443"),
            ForeignHost(authority="10.0.0.1:8080", is_local=True),
        ),
        min_list_entries=100_000,
    )

    assert parse_trust(write_trust(trust, comment=["Check this."]).encode()) == trust


def test_trust_file_minimal_has_defaults() -> None:
    """One anchorage and one issuer are enough; status may be 48 hours old."""
    trust = parse_trust((ANCHORAGE + ISSUER).encode())

    assert trust.current.publisher == address(1)
    assert trust.issuers == (TrustedIssuer(id="did:web:x.example"),)
    assert trust.max_status_age_s == 48 * 3600
    assert trust.files is None
    assert trust.foreign_hosts == ()
    assert trust.min_list_entries == 131_072
    assert not trust.accepts_any_issuer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one [[anchorage]]"),
        (ISSUER, "at least one [[anchorage]]"),
        (ANCHORAGE, "without an [[issuer]]"),
        ("oops", "no TOML"),
        ("\udcff", "no TOML"),
        (f"sevice = 'x'\n{ANCHORAGE}{ISSUER}", "unknown member 'sevice'"),
        (ANCHORAGE + "colour = 1\n" + ISSUER, "[[anchorage]] 1: unknown member 'colour'"),
        (ANCHORAGE + ISSUER + "key = 'x'\n", "[[issuer]] 1: unknown member 'key'"),
        (ANCHORAGE.replace("chain_id = 11155111", "") + ISSUER, "'chain_id' is missing"),
        (ANCHORAGE.replace("11155111", "'1'") + ISSUER, "'chain_id' must be an integer"),
        (ANCHORAGE.replace("0xab", "0xAB") + ISSUER, "'genesis_hash'"),
        (ANCHORAGE.replace(CONTRACT, "0x12") + ISSUER, "Ethereum address"),
        (ANCHORAGE + ISSUER + "aliases = 'x'\n", "'aliases' must be an array"),
        (ANCHORAGE + ISSUER + "aliases = [1]\n", "'aliases' must be an array of texts"),
        (ANCHORAGE + ISSUER + "keys = ['z6Mkx']\n", "'keys'"),
        (ANCHORAGE + "receipt_keys = ['z6Mkx']\n" + ISSUER, "'receipt_keys'"),
        (ANCHORAGE + "receipt_keys = 'z6Mkx'\n" + ISSUER, "'receipt_keys' must be an array"),
        (ANCHORAGE + "receipt_keys = [1]\n" + ISSUER, "'receipt_keys' must be an array of texts"),
        (ANCHORAGE + ISSUER + ISSUER, "stands in the trust set twice"),
        (ANCHORAGE + ISSUER + "aliases = ['did:web:x.example']\n", "stands in the trust set twice"),
        (f"service = 'http://x.example'\n{ANCHORAGE}{ISSUER}", "https"),
        (f"mirror = 'ftp://x.example'\n{ANCHORAGE}{ISSUER}", "https"),
        (f"service = 'https://a.example'\nmirror = '/b'\n{ANCHORAGE}{ISSUER}", "not both"),
        (f"accept_any_issuer = 1\n{ANCHORAGE}", "true or false"),
        (f"anchorage = 1\n{ISSUER}", "'anchorage' must be an array"),
        (f"issuer = [1]\n{ANCHORAGE}", "[[issuer]] 1"),
        (ANCHORAGE + ISSUER + "[[foreign_lists]]\n", "[[foreign_lists]] 1: the member 'host' is missing"),
        (ANCHORAGE + ISSUER + "[[foreign_lists]]\nhost = 'https://x.example'\n", "is no host"),
        (ANCHORAGE + ISSUER + "[[foreign_lists]]\nhost = 'x.example:99999'\n", "is no host"),
        (ANCHORAGE + ISSUER + "[[foreign_lists]]\nhost = 'x.example/a'\n", "is no host"),
        (ANCHORAGE + ISSUER + "[[foreign_lists]]\nhost = 'x.example'\nlocal = 1\n", "true or false"),
        (ANCHORAGE + ISSUER + "[[foreign_lists]]\nhost = 'x.example'\ncolour = 1\n", "unknown member"),
        (
            f"service = 'https://x.example'\n{ANCHORAGE}{ISSUER}[[foreign_lists]]\nhost = 'X.example'\n",
            "the service itself",
        ),
    ],
)
def test_trust_file_with_fault_names_it(text: str, words: str) -> None:
    """A fault in the file is named with its place; nothing is guessed."""
    with pytest.raises(InvalidInput) as caught:
        parse_trust(text.encode("utf-8", "surrogateescape"))

    assert words in str(caught.value)


def test_trust_file_takes_keys_as_multikey_or_did_key() -> None:
    """A key is written as a Multikey or as the did:key that it is."""
    text = f"{ANCHORAGE}{ISSUER}keys = ['{KEY.multikey}', '{KEY.did_key}']\n"

    assert parse_trust(text.encode()).issuers[0].keys == (KEY.public_key, KEY.public_key)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "service = 'http://127.0.0.1:8080/'",
            FileLocation(address="http://127.0.0.1:8080", is_mirror=False),
        ),
        ("mirror = 'https://m.example/a'", FileLocation(address="https://m.example/a", is_mirror=True)),
        ("mirror = '/var/mirror'", FileLocation(address="/var/mirror", is_mirror=True)),
    ],
)
def test_trust_file_places_of_lists(line: str, expected: FileLocation) -> None:
    """Lists come from a service, a mirror on the web, or a folder."""
    assert parse_trust(f"{line}\n{ANCHORAGE}{ISSUER}".encode()).files == expected


def test_trust_file_missing_says_how_to_make_one(tmp_path: Path) -> None:
    """A missing file is told with what to do."""
    with pytest.raises(InvalidInput, match="anchor trust export"):
        load_trust(tmp_path / "trust.toml")


def test_trust_file_fault_names_the_file(tmp_path: Path) -> None:
    """A fault names the file it stands in."""
    path = tmp_path / "trust.toml"
    path.write_text("oops")

    with pytest.raises(InvalidInput, match=r"trust\.toml: this is no TOML"):
        load_trust(path)


def test_trust_set_repr_hides_the_rpc_url() -> None:
    """An RPC URL may hold a key, and is in no repr."""
    assert "secret" not in repr(parse_trust((ANCHORAGE + ISSUER).encode()))


def test_trust_set_keys_of_an_issuer_are_given_or_its_own() -> None:
    """The keys that may sign lists are those given, and those that did:key names are."""
    other = ListKey(b"\x02" * 32)
    listed = TrustedIssuer(id="did:web:x.example", aliases=(KEY.did_key,), keys=(other.public_key,))
    trust = parse_trust((ANCHORAGE + ISSUER).encode())
    trust = TrustSet(anchorages=trust.anchorages, issuers=(listed,))

    assert trust.list_keys("did:web:x.example") == (other.public_key, KEY.public_key)
    assert trust.list_keys(other.did_key) == (other.public_key,)
    assert trust.list_keys("did:web:stranger.example") == ()


@pytest.mark.parametrize(
    ("host", "authority", "is_local"),
    [
        ("lists.example.org", "lists.example.org:443", False),
        ("Lists.Example.org:8443", "lists.example.org:8443", False),
        ("127.0.0.1:9000", "127.0.0.1:9000", True),
        ("localhost:9000", "localhost:9000", True),
        ("10.0.0.1:9000", "10.0.0.1:9000", False),
        ("[::1]:9000", "[::1]:9000", True),
    ],
)
def test_trust_file_foreign_host_has_a_port_and_is_local_on_this_machine(
    host: str,
    authority: str,
    is_local: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Without a port it is that of https; http and private addresses need more than a name."""
    text = f"{ANCHORAGE}{ISSUER}[[foreign_lists]]\nhost = '{host}'\n"

    assert parse_trust(text.encode()).foreign_hosts == (ForeignHost(authority=authority, is_local=is_local),)
    assert parse_trust(f"{text}local = true\n".encode()).foreign_hosts[0].is_local


def test_trust_file_takes_p256_keys_beside_ed25519() -> None:
    """A key of either algorithm is told by its Multikey, and each checks its own signatures only."""
    other = P256Key(b"\x01" * 32)
    issuer = parse_trust(
        f"{ANCHORAGE}{ISSUER}keys = ['{KEY.multikey}', '{other.multikey}']\n".encode()
    ).issuers[0]

    assert (issuer.keys, issuer.p256_keys) == ((KEY.public_key,), (other.public_key,))


def test_trust_public_keys_are_those_given_and_those_that_names_are() -> None:
    """A did:key issuer brings its own key, of either algorithm; one did:key among aliases brings it, too."""
    other = P256Key(b"\x01" * 32)
    text = f"{ANCHORAGE}{ISSUER}aliases = ['{other.did_key}']\nkeys = ['{KEY.multikey}']\n"
    trust = parse_trust(text.encode())

    assert [key.algorithm for key in trust.public_keys("did:web:x.example")] == ["EdDSA", "ES256"]
    assert [key.key_bytes for key in trust.public_keys(KEY.did_key)] == [KEY.public_key]
    assert trust.public_keys("did:web:stranger.example") == ()
    assert trust.names_of(other.did_key) == (other.did_key, "did:web:x.example")


class _CountedText(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        type(self).comparisons += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def test_trust_of_many_issuers_is_checked_in_one_pass() -> None:
    """A trust file of thousands of issuers costs each name a look, not a look at every other."""
    issuers = tuple(TrustedIssuer(id=_CountedText(f"did:example:{number}")) for number in range(500))

    trust = TrustSet(anchorages=parse_trust((ANCHORAGE + ISSUER).encode()).anchorages, issuers=issuers)

    assert len(trust.issuers) == 500
    assert _CountedText.comparisons < 5_000
