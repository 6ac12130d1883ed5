"""Lines into flags."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cromicle_magic.errors import UsageError
from cromicle_magic.jupyter.flags import help_text, parse_cell_line, parse_line


def test_every_flag_is_read():
    parsed = parse_cell_line(
        "-p local -m small -s 'Be brief.' -t 0 --max-tokens 9 --top-p 0.5 --seed -1 --stop A --stop 'B\\n' "
        "--url http://127.0.0.1:1 --timeout 3 --out answer -f text"
    )
    assert (parsed.provider, parsed.model, parsed.system) == ("local", "small", "Be brief.")
    assert (parsed.out, parsed.format) == ("answer", "text")
    assert parsed.options == {
        "temperature": 0.0,
        "max_tokens": 9,
        "top_p": 0.5,
        "seed": -1,
        "stop": ["A", "B\n"],
        "url": "http://127.0.0.1:1",
        "timeout": 3.0,
    }


def test_what_is_not_given_is_none():
    parsed = parse_cell_line("")
    assert (parsed.provider, parsed.model, parsed.format) == (None, None, "markdown")
    assert set(parsed.options.values()) == {None}


def test_the_model_may_stand_alone():
    assert parse_cell_line("small -t 1").model == "small"


def test_long_and_short_names_and_equals_signs_are_the_same():
    assert parse_cell_line("--temperature=0.5") == parse_cell_line("-t 0.5") == parse_cell_line("-t0.5")
    assert parse_cell_line("--base-url x") == parse_cell_line("--url x")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--temprature 1", "There is no flag --temprature. Did you mean --temperature?"),
        ("--temp 1", "There is no flag --temp. Did you mean --temperature?"),
        ("--maxtokens=5", "There is no flag --maxtokens. Did you mean --max-tokens?"),
        ("-z", "There is no flag -z. %%cromicle? shows the flags."),
        ("small words", "'words' is one word too many. The prompt goes into the lines below."),
        ("small -m large", "The model is named twice: small and large. Leave one out."),
        ("-t", "-t/--temperature: expected one argument. %%cromicle? shows the flags."),
        ("-t -1", "-t/--temperature: '-1' is not a number of at least 0. %%cromicle? shows the flags."),
        ("-t nan", "-t/--temperature: 'nan' is not a number of at least 0. %%cromicle? shows the flags."),
        ("--top-p 2", "--top-p: '2' is not a number from 0 to 1. %%cromicle? shows the flags."),
        (
            "--max-tokens 0",
            "--max-tokens: '0' is not a whole number of at least 1. %%cromicle? shows the flags.",
        ),
        ("--seed 1.5", "--seed: '1.5' is not a whole number. %%cromicle? shows the flags."),
        ("--out 1x", "--out: '1x' cannot be a variable's name. %%cromicle? shows the flags."),
        ("--out class", "--out: 'class' cannot be a variable's name. %%cromicle? shows the flags."),
        (
            "-f pdf",
            "-f/--format: invalid choice: 'pdf' (choose from markdown, text, none)."
            " %%cromicle? shows the flags.",
        ),
        ("-s 'open", 'A quote is open in the first line. Write text with spaces or quotes as "…".'),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(line, message):
    with pytest.raises(UsageError) as caught:
        parse_cell_line(line)
    assert str(caught.value).replace("'markdown', 'text', 'none'", "markdown, text, none") == message


@pytest.mark.parametrize(
    ("line", "prompt", "seed"),
    [
        ("What's the capital?", "What's the capital?", None),
        ("--seed 3 What's  --this {x}?", "What's  --this {x}?", 3),
        ('--seed 3 "quoted prompt"', "quoted prompt", 3),
        ("'quoted' and 'not'", "'quoted' and 'not'", None),
        ("--seed=3 -- -5 degrees", "-5 degrees", 3),
        ("- a dash", "- a dash", None),
        ("-5 degrees", "-5 degrees", None),
    ],
)
def test_the_line_magic_takes_the_prompt_to_the_letter(line, prompt, seed):
    parsed = parse_line(line)
    assert (parsed.prompt, parsed.options["seed"]) == (prompt, seed)


def test_an_open_quote_in_a_flags_value_is_named():
    with pytest.raises(UsageError, match="A quote is open in a flag's value"):
        parse_line("-s 'open Hello")


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"])).filter(
        lambda text: text.strip()[:1] not in ("-", "'", '"', "")
    )
)
def test_any_prompt_goes_through_the_line_magic(prompt):
    assert parse_line(prompt).prompt == prompt.strip()


@given(st.text())
def test_no_line_does_anything_but_parse_or_say_what_is_wrong(line):
    for parse in (parse_cell_line, parse_line):
        with contextlib.suppress(UsageError):
            parse(line)


def test_the_help_names_every_flag():
    for name in ("--provider", "--stop", "--base-url", "--timeout", "%%cromicle", "MODEL"):
        assert name in help_text()
