"""Cells into awaiting lines."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cromicle_magic.jupyter.transform import rewrite


def arguments(lines):
    call = ast.parse(lines[0], mode="exec").body[0].value.value
    return [ast.literal_eval(argument) for argument in call.args]


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n\r")).map(lambda line: line + "\n")))
def test_any_body_goes_through_to_the_letter(body):
    (line,) = rewrite(["%%cromicle -t 0\n", *body])
    assert line.startswith("await get_ipython()._cromicle_run(")
    assert arguments([line]) == ["-t 0", "".join(body)]


def test_a_first_line_alone_is_a_cell_too():
    assert arguments(rewrite(["%%cromicle"])) == ["", ""]


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "1 + 1\n",
        "%%time\n%%cromicle\nx\n",
        "%cromicle x\n",
        "%%cromiclex\nx\n",
        "%%cromicle?\n",
        "%%cromicle -p?\n",
        " %%cromicle\nx\n",
        "# first\n%%cromicle\nx\n",
    ],
)
def test_any_other_cell_is_left_alone(cell):
    lines = cell.splitlines(keepends=True)
    assert rewrite(lines) is lines
