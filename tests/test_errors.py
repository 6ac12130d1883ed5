"""The tree of errors: as drawn, catchable by the usual names, one line each."""

import builtins
import copy
import pickle
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cromicle_magic import errors
from cromicle_magic.exchange import Reply, Request
from cromicle_magic.providers import Scripted

EVERY_CHARACTER = st.text(st.characters(codec=None, exclude_categories=()))
CLASSES = [
    thing
    for thing in vars(errors).values()
    if isinstance(thing, type) and issubclass(thing, BaseException) and thing.__module__ == errors.__name__
]
ERRORS = [kind for kind in CLASSES if issubclass(kind, errors.CromicleError)]


def drawn_tree():
    """Return {name: name of the parent} as the module's docstring draws it."""
    parents, path = {}, []
    for line in errors.__doc__.splitlines():
        found = re.fullmatch(r"    ((?:[│ ]   )*)(├── |└── )?(\w+)( {2,}.*)?", line)
        if found:
            depth = len(found[1]) // 4 + bool(found[2])
            path[depth:] = [found[3]]
            parents[found[3]] = path[depth - 1] if depth else None
    return parents


def reply_of(text=""):
    reply = Reply(Request(Scripted, "", [], {}))
    reply.add(text)
    return reply


def test_the_drawn_tree_is_the_real_tree():
    drawn = {name: parent for name, parent in drawn_tree().items() if parent is not None}
    named = [*CLASSES, KeyboardInterrupt, UserWarning]
    real = {
        kind.__name__: next(base.__name__ for base in kind.__mro__[1:] if base in named)
        for kind in CLASSES
        if kind is not errors.CromicleError
    }
    assert drawn == real


@pytest.mark.parametrize(
    ("kind", "usual"),
    [
        (errors.MessageError, ValueError),
        (errors.ConnectionFailedError, ConnectionError),
        (errors.ProviderTimeoutError, TimeoutError),
        (errors.CromicleInterrupted, KeyboardInterrupt),
        (errors.OptionWarning, UserWarning),
    ],
)
def test_an_error_is_also_what_python_calls_it(kind, usual):
    assert issubclass(kind, usual)
    assert getattr(builtins, usual.__name__) is usual


def test_an_interrupt_is_no_error():
    assert not issubclass(errors.CromicleInterrupted, Exception)


def test_your_fault_and_their_fault_are_different_branches():
    both = [
        kind
        for kind in ERRORS
        if issubclass(kind, errors.RequestError) and issubclass(kind, errors.ProviderError)
    ]
    assert both == []


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_says_what_happened_and_what_to_do(kind):
    error = kind("It broke.", "Mend it.")
    assert (error.message, error.hint, str(error)) == ("It broke.", "Mend it.", "It broke. Mend it.")
    assert str(kind("It broke.")) == "It broke."


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if issubclass(kind, errors.ProviderError)])
def test_a_providers_error_keeps_what_came(kind):
    error = kind("It broke.", partial="half an", http_status=500, request_id="r1")
    assert (error.partial, error.http_status, error.request_id) == ("half an", 500, "r1")
    assert (kind("x").partial, kind("x").http_status, kind("x").request_id) == ("", None, None)


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_a_copy_and_another_process(kind, again):
    error = kind("It broke.", "Mend it.")
    twin = again(error)
    assert (type(twin), str(twin), vars(twin)) == (kind, str(error), vars(error))


@given(st.sampled_from(ERRORS), EVERY_CHARACTER, EVERY_CHARACTER)
def test_an_error_is_shown_as_one_harmless_line(kind, message, hint):
    (line,) = kind(message, hint)._render_traceback_()
    assert line.startswith(f"{kind.__name__}: ")
    assert len(line.splitlines()) == 1
    assert not [character for character in line if unicodedata.category(character) in ("Cc", "Cs")]


def test_an_interrupt_keeps_the_reply_and_shows_one_line():
    reply = reply_of("half\nan answer")
    stopped = errors.CromicleInterrupted(reply)
    assert stopped.reply is reply
    assert stopped._render_traceback_() == [
        "CromicleInterrupted: stopped after 14 characters; the text is kept."
    ]
    assert copy.copy(stopped).reply is reply


def test_a_warning_points_at_the_line_that_called_the_package():
    with pytest.warns(errors.OptionWarning) as caught:
        errors.warn_of_options(["one", "two"])
    assert [(str(warning.message), warning.filename) for warning in caught] == [
        ("one", __file__),
        ("two", __file__),
    ]
