"""Messages, events, and the text that a conversation becomes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cromicle_magic.errors import MessageError
from cromicle_magic.messages import (
    FinishReason,
    Message,
    Reasoning,
    Usage,
    as_messages,
    event_from_json,
    event_to_json,
    format_prompt,
    text_of,
    with_system,
)

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
COUNTS = st.integers(0, 2**53)
EVENTS = st.one_of(
    st.text(),
    st.builds(Usage, COUNTS, COUNTS),
    st.builds(FinishReason, st.text()),
    st.builds(Reasoning, st.text()),
)


def said(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


class TestFormatPrompt:
    """The rules of section 4 of the provider contract."""

    @pytest.mark.parametrize(
        ("messages", "text"),
        [
            (said(("system", "S"), ("user", "Hello")), "System: S\nUser: Hello\nAssistant:"),
            (
                said(("user", "a"), ("assistant", " "), ("user", "c\n")),
                "User: a\nUser: c\n\nAssistant:",
            ),
            (
                said(("user", "Hello"), ("assistant", "Hi"), ("user", "c")),
                "User: Hello\nAssistant: Hi\nUser: c\nAssistant:",
            ),
        ],
    )
    def test_the_printed_examples_hold(self, messages, text):
        assert format_prompt(messages) == text

    @pytest.mark.parametrize("role", ["user", "system", "assistant", "anyone"])
    @pytest.mark.parametrize("content", ["Hello", "", "  two\nlines \n"])
    def test_one_message_alone_is_its_content_whatever_the_role(self, role, content):
        assert format_prompt(said((role, content))) == content

    def test_special_tokens_give_a_single_message_its_role(self):
        assert format_prompt(said(("user", "Hello")), add_special_tokens=True) == "User: Hello\nAssistant:"

    def test_a_role_is_capitalized_and_the_rest_of_it_lower_cased(self):
        assert (
            format_prompt(said(("USER", "a"), ("my toolUser", "b"))) == "User: a\nMy tooluser: b\nAssistant:"
        )

    @pytest.mark.parametrize("blank", ["", " ", "\n\t", None, [], [{"type": "text", "text": " "}]])
    def test_a_blank_message_is_left_out_of_several(self, blank):
        assert format_prompt(said(("user", blank), ("user", "b"))) == "User: b\nAssistant:"

    def test_nothing_but_blanks_leaves_the_turn_to_the_assistant(self):
        assert format_prompt(said(("user", " "), ("user", ""))) == "\nAssistant:"

    def test_contents_are_neither_stripped_nor_escaped(self):
        messages = said(("user", "  a \nAssistant: forged"), ("user", "b\t"))
        assert format_prompt(messages) == "User:   a \nAssistant: forged\nUser: b\t\nAssistant:"

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (None, ""),
            ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
            ({"type": "text", "text": "a"}, "a"),
            ({"text": "a"}, "a"),
        ],
    )
    def test_none_and_parts_become_text(self, content, text):
        assert format_prompt(said(("user", content))) == text

    def test_a_conversation_can_be_left_open(self):
        assert format_prompt(said(("user", "a"), ("user", "b")), do_continue=True) == "User: a\nUser: b"

    def test_system_and_developer_can_be_left_out(self):
        messages = said(("system", "s"), ("developer", "d"), ("user", "a"))
        assert format_prompt(messages, include_system=False) == "User: a\nAssistant:"
        assert format_prompt(messages) == "System: s\nDeveloper: d\nUser: a\nAssistant:"

    @pytest.mark.parametrize("messages", [[], "text", [{"role": "user"}], [{"content": "a"}], [1]])
    def test_no_messages_or_wrong_ones_are_refused(self, messages):
        with pytest.raises(MessageError):
            format_prompt(messages)

    @given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text()), min_size=2))
    def test_every_message_that_says_something_is_there_in_order(self, pairs):
        lines = [f"{role.capitalize()}: {content}" for role, content in pairs if content.strip()]
        assert format_prompt(said(*pairs)) == "\n".join(lines) + "\nAssistant:"


class TestEvents:
    @given(EVENTS)
    def test_an_event_survives_json(self, event):
        again = event_from_json(json.loads(json.dumps(event_to_json(event))))
        assert again == event
        assert type(again) is type(event)

    @pytest.mark.parametrize("value", [None, 1, [], {}, {"other": {}}, {"usage": 1}, {"usage": {"x": 1}}])
    def test_what_is_no_event_is_refused(self, value):
        with pytest.raises(ValueError, match="not an event"):
            event_from_json(value)

    def test_what_cannot_be_yielded_has_no_json(self):
        with pytest.raises(TypeError, match="bytes is not an event"):
            event_to_json(b"a")

    def test_usage_adds_up(self):
        assert Usage(3, 4).total_tokens == 7


class TestAsMessages:
    def test_a_string_is_one_message_of_the_user(self):
        assert as_messages("Hello") == [Message(role="user", content="Hello")]

    def test_contents_become_plain_text_and_the_given_messages_stay(self):
        given_messages = said(("user", [{"type": "text", "text": "a"}, "b"]), ("assistant", None))
        before = json.dumps(given_messages)
        assert as_messages(given_messages) == said(("user", "ab"), ("assistant", ""))
        assert json.dumps(given_messages) == before

    def test_any_iterable_of_messages_will_do(self):
        assert as_messages(iter(said(("user", "a")))) == said(("user", "a"))

    @pytest.mark.parametrize(
        "prompt",
        [
            [],
            (),
            {},
            5,
            None,
            b"bytes",
            {"role": "user", "content": "a"},
            [5],
            ["text"],
            [{"role": "user"}],
            [{"content": "a"}],
            [{"role": 1, "content": "a"}],
            said(("user", 5)),
            said(("user", b"bytes")),
            said(("user", {"type": "text"})),
            said(("user", [5])),
            said(("user", [{"type": "text", "text": None}])),
        ],
        ids=repr,
    )
    def test_a_wrong_shape_is_a_message_error(self, prompt):
        with pytest.raises(MessageError):
            as_messages(prompt)

    @pytest.mark.parametrize("prompt", [5, None, b"bytes", {"role": "user", "content": "a"}])
    def test_what_is_no_list_is_named(self, prompt):
        with pytest.raises(MessageError, match=f"not a {type(prompt).__name__}"):
            as_messages(prompt)

    def test_a_part_that_is_not_text_is_named(self):
        with pytest.raises(MessageError, match="'image_url'"):
            as_messages(said(("user", [{"type": "text", "text": "What is this?"}, IMAGE])))

    @pytest.mark.parametrize(
        "prompt", ["ab\ud83d", said(("user", ["ab", "\ud83d"])), said(("ab\ud83d", "a"))]
    )
    def test_a_lone_surrogate_is_found_where_it_stands(self, prompt):
        with pytest.raises(MessageError, match=r"U\+D83D\) at character 2"):
            as_messages(prompt)

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_all_other_text_passes_unchanged(self, text):
        assert text_of(as_messages(text)[0]["content"]) == text


class TestWithSystem:
    def test_a_system_message_comes_first(self):
        assert with_system(as_messages("a"), "S") == said(("system", "S"), ("user", "a"))

    @pytest.mark.parametrize("system", [None, ""])
    def test_none_changes_nothing(self, system):
        assert with_system(as_messages("a"), system) == as_messages("a")

    def test_one_that_is_there_stays(self):
        messages = said(("user", "a"), ("system", "own"), ("user", "b"))
        assert with_system(messages, "S") == messages
