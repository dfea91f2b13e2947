"""JSON that strangers wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.errors import MalformedValue
from status_lists.json_text import parse_json_object, write_json_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab€", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc€", max_size=5), VALUES, max_size=4))
def test_json_any_object_round_trips(document: dict[str, object]) -> None:
    """What is written reads back as it was."""
    assert parse_json_object(write_json_object(document)) == document


def test_parse_json_object_surrogate_pair_is_one_character() -> None:
    """A whole pair is how JSON escapes characters beyond 16 bits."""
    assert parse_json_object(rb'{"a":"\ud83d\ude00"}') == {"a": "\U0001f600"}


def test_write_json_object_is_compact_and_unescaped() -> None:
    """No spaces and no entities: deployed verifiers read the text as it stands."""
    assert write_json_object({"a": "<é&>", "b": [1]}) == '{"a":"<é&>","b":[1]}'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b"{",
        b"{}x",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"\\uDFFF":1}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        "{}".encode("utf-16"),
        pytest.param(b'{"a":' * 200_000, id="deep objects"),
        pytest.param(b'{"a":' + b"[" * 200_000, id="deep arrays"),
        pytest.param(b'{"a":' + b"1" * 100_000 + b"}", id="long number"),
    ],
)
def test_parse_json_object_other_text_is_malformed(data: bytes) -> None:
    """Doubled names, constants that JSON lacks, other encodings, depth and endless numbers fail."""
    with pytest.raises(MalformedValue):
        parse_json_object(data)
