"""A page or an error object in an answer's place is told from an answer, whatever the chunks."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cromicle_magic.errors import UnexpectedContentError
from cromicle_magic.providers.sniff import MOST_HELD, AnswerSniffer, message_of, title_of

PAGE = "\n<!DOCTYPE html>\n<html><head><title>Just a moment &amp; wait</title></head><body>…</body></html>"
NEAR_MISSES = [
    *(
        "",
        " ",
        "\n\n",
        "<",
        "<h",
        "<htm",
        "<!doctype htm",
        "<!DOCTYPE xml>",
        "<b>bold</b>",
        "< html>",
    ),
    *(
        "{",
        '{"',
        '{"err',
        '{"error"',
        '{"errors": 1}',
        '{"error" 1',
        '{ "answer": {"error": "x"}}',
        "{}",
        "[]",
    ),
    *(
        '{"error": null, "answer": 1}',
        '{"error": ""}',
        '{"error": broken',
        '{"error": "x"} and more',
        '"error":',
    ),
    *("\ufeff", "\ufeffHello", "Hello <html>", 'Hello {"error": "x"}', "```html\n<html>\n```"),
]


def passed(pieces, *settings):
    sniffer = AnswerSniffer(*settings)
    return "".join([*map(sniffer.feed, pieces), sniffer.close()])


def stopped(pieces, *settings):
    with pytest.raises(UnexpectedContentError) as caught:
        passed(pieces, *settings)
    return caught.value


def by_character(text):
    return list(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
@pytest.mark.parametrize(
    "settings", [(), ("application/json", True), ("application/json", False), ("", False)]
)
def test_what_only_begins_like_a_page_or_an_error_passes_unchanged(text, settings):
    assert passed([text], *settings) == text
    assert passed(by_character(text), *settings) == text


@given(
    pieces=st.lists(
        st.one_of(st.text(), st.sampled_from(["<", "<html", '{"error"', ":", '{"', " ", '"x"}', "}"]))
    )
)
def test_every_text_passes_unchanged_or_is_a_page_or_an_error_object(pieces):
    text = "".join(pieces)
    begun = text.lstrip("\ufeff \t\r\n")
    is_page = begun.lower().startswith(("<html", "<!doctype html"))
    try:
        is_error = bool(json.loads(begun)["error"]) and begun.replace(" ", "").startswith('{"error":')
    except (ValueError, TypeError, KeyError):
        is_error = False
    if is_page or is_error:
        assert stopped(pieces).partial == text
    else:
        assert passed(pieces) == text


@given(pieces=st.lists(st.text()))
def test_a_server_that_forbids_guessing_is_taken_at_its_word_at_once(pieces):
    sniffer = AnswerSniffer("text/plain", False)
    assert [sniffer.feed(piece) for piece in pieces] == pieces
    assert sniffer.close() == ""


def test_a_model_that_writes_a_bare_page_is_not_a_login_page_where_guessing_is_forbidden():
    assert passed(by_character(PAGE), "text/plain", False) == PAGE


@pytest.mark.parametrize("text", ["Hello there", "<b>", '{"answer": 1}', "{x", "\n\nHello"])
def test_text_is_held_back_only_while_it_could_become_a_page_or_an_error(text):
    sniffer = AnswerSniffer()
    assert sniffer.feed(text) == text
    assert sniffer.feed("<html") == "<html"


@pytest.mark.parametrize("split", [lambda text: [text], by_character])
def test_a_page_is_stopped_by_its_beginning_and_named_by_its_title(split):
    error = stopped(split(PAGE))
    assert "(Just a moment & wait)" in str(error)
    assert error.partial == PAGE


@pytest.mark.parametrize("content_type", ["text/html", "application/xhtml+xml"])
@pytest.mark.parametrize("guess", [True, False])
def test_a_page_is_stopped_by_its_type_whatever_it_begins_with(content_type, guess):
    error = stopped(["<!-- x -->", "<html><title>Log in</ti", "tle>"], content_type, guess)
    assert "(Log in)" in str(error)


@pytest.mark.parametrize("split", [lambda text: [text], by_character])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"error": "bad hash"}', "bad hash"),
        ('\ufeff {\n "error" : {"message": "Нет модели.", "code": 404}}\n', "Нет модели"),
        ('{"error": {"code": 7}}', '{"code": 7}'),
        ('{"error": true}', "true"),
    ],
)
def test_an_error_object_is_stopped_without_a_json_type(split, text, message):
    error = stopped(split(text))
    assert str(error).startswith(f"The provider sent an error instead of an answer: {message}. Check")
    assert error.partial == text


@pytest.mark.parametrize("content_type", ["application/json", "application/problem+json"])
@pytest.mark.parametrize("guess", [True, False])
def test_an_error_object_of_a_json_type_is_stopped_wherever_its_error_stands(content_type, guess):
    assert "bad hash" in str(stopped(['{"code": 1, "er', 'ror": "bad hash"}'], content_type, guess))


@pytest.mark.parametrize("begin", ['{"error": "', "\n" * 2000, "{" + " " * 2000])
def test_no_text_is_held_back_without_bound(begin):
    sniffer = AnswerSniffer()
    held = begin + "x" * (MOST_HELD + 1)
    assert sniffer.feed(begin) + sniffer.feed("x" * (MOST_HELD + 1)) == held
    assert sniffer.feed("more") == "more"


def test_blanks_are_held_back_for_a_line_or_two_and_not_for_pages():
    sniffer = AnswerSniffer()
    assert sniffer.feed("\n" * 10) == ""
    assert sniffer.feed("\n" * 2000) == "\n" * 2010


def test_an_endless_page_is_stopped_before_its_end():
    sniffer = AnswerSniffer()
    sniffer.feed("<html>")
    with pytest.raises(UnexpectedContentError):
        sniffer.feed("x" * MOST_HELD)


def test_an_error_object_nested_too_deep_to_read_is_text():
    text = '{"error": ' + "[" * 50_000
    assert passed([text]) == text


def test_a_page_of_titles_that_never_end_is_read_in_linear_time():
    assert title_of("<title" * 200_000) == "untitled"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": {"message": "No such model."}}', "No such model"),
        ('{"error": "quota", "message": "other"}', "quota"),
        ('{"message": "slow down"}', "slow down"),
        ('{"detail": [{"loc": ["body"]}]}', '[{"loc": ["body"]}]'),
        ("{}", "{}"),
        ("[1]", "[1]"),
        ("  Service down.\n", "Service down"),
        ("<html><title>502 Bad\nGateway</title>", "a web page (502 Bad\nGateway)"),
        ("[" * 50_000, "[" * 50_000),
        ("", ""),
    ],
)
def test_the_message_of_an_error_body_is_its_jsons_its_title_or_its_text(body, message):
    assert message_of(body) == message


@given(st.text())
def test_no_body_breaks_the_reading_of_its_message(body):
    assume(body)
    assert isinstance(message_of(body), str)
    assert title_of(body)
