"""Bytes into text: no split of a stream changes it."""

import codecs
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cromicle_magic.providers.wire import TextDecoder

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
WITHOUT_UNICODE = [
    "windows-1251",
    "koi8-r",
    "iso-8859-5",
    "ibm866",
    "shift_jis",
    "euc-jp",
    "gbk",
    "big5",
    "euc-kr",
]


def decode(pieces, encoding="utf-8"):
    decoder = TextDecoder(encoding)
    return "".join([*map(decoder.feed, pieces), decoder.close()])


def pieces_of(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("text", ["Привет", "a\U0001f600ж€\r\n", "\ufeffщит", "e\u0301\u2028\x85\x0b"])
def test_text_split_in_two_at_any_byte_is_the_same_text(text):
    data = text.encode()
    for cut in range(len(data) + 1):
        assert decode([data[:cut], data[cut:]]) == text
    assert decode([bytes([byte]) for byte in data]) == text


@given(text=TEXTS, cuts=st.lists(st.integers(min_value=0)))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16be", "gb18030"])
def test_any_split_of_any_text_is_lossless(encoding, text, cuts):
    assert decode(pieces_of(text.encode(encoding), cuts), encoding) == text


@given(text=st.text(), cuts=st.lists(st.integers(min_value=0)))
@pytest.mark.parametrize("encoding", WITHOUT_UNICODE)
def test_a_declared_charset_is_decoded_at_any_split_as_python_decodes_the_whole(encoding, text, cuts):
    data = text.encode(encoding, "ignore")
    assert decode(pieces_of(data, cuts), encoding) == data.decode(encoding)


@given(data=st.binary(), cuts=st.lists(st.integers(min_value=0)))
def test_bytes_that_are_not_utf8_become_replacement_characters_and_nothing_else_is_lost(data, cuts):
    assert decode(pieces_of(data, cuts)) == data.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "encoding", ["no-such-charset", "", "utf-8; x", "a\0b", "ü", "x" * 10_000, "us-ascii"]
)
def test_a_charset_nobody_knows_is_read_as_utf8(encoding):
    assert decode(["Привет".encode()], encoding) == "Привет"


@pytest.mark.parametrize(
    "encoding", ["hex", "base64", "rot13", "zlib", "bz2", "uu", "quopri", "idna", "punycode", "undefined"]
)
def test_a_codec_of_python_that_is_no_charset_of_the_web_is_never_run_on_a_strangers_bytes(encoding):
    assert codecs.lookup(encoding)
    assert decode([rb"Caf\xc3\xa9 \u0041 =41 "], encoding) == r"Caf\xc3\xa9 \u0041 =41 "


def test_an_escape_in_the_text_is_not_obeyed_when_the_header_asks_for_it():
    assert decode([rb"\u0041\d"], "unicode_escape") == r"\u0041\d"
