"""Code has the colours of JupyterLab's theme, and readable ones elsewhere."""

import re

import pytest
from rendering.pages import Page, faults

from cromicle_magic.rendering import code, markdown

WHITE = 1.05


def contrast(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return WHITE / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


@pytest.mark.parametrize("name", code.COLOURS)
def test_a_colour_is_readable_where_there_is_no_theme(name):
    assert contrast(code.COLOURS[name][1]) >= 4.5


def test_a_keyword_has_the_theme_s_colour():
    html = markdown.render("```python\nreturn 'a'\n```")
    assert "--k:var(--jp-mirror-editor-keyword-color, #008000)" in html
    assert '<span style="color:var(--k)">return' in html
    assert "<span style=\"color:var(--s)\">'a'" in html


@pytest.mark.parametrize("language", sorted(code.LANGUAGES))
def test_each_language_shows_its_code_to_the_letter(language):
    source = "def f(x):\n\n\treturn \"<a>\" & 'b' # c\n  /* d */ \\ \n"
    html = markdown.render(f"```{language}\n{source}```")
    assert Page(html).text == source + "\n"
    assert faults(html) == []


@pytest.mark.parametrize("language", ["", "nonsense", 'python"onload', "mermaid", "IPython"])
def test_an_unknown_language_is_plain(language):
    html = markdown.render(f"```{language}\nreturn\n```")
    assert "<span" not in html
    assert not language or language not in html


def test_a_long_block_and_a_long_line_are_whole_though_not_all_in_colour():
    for source in ("return 1\n" * 2000, "return " * 500 + "\n"):
        assert Page(code.html_of(source, "python")).text == source
    assert "<span" not in code.html_of("return " * 500, "python")


def test_code_scrolls_by_itself():
    html = markdown.render("```\na\n```")
    assert re.search(r'<pre dir="ltr" style="overflow-x:auto;[^"]*"><code style="white-space:pre;', html)


def test_a_colour_of_a_later_part_is_named_too():
    html = markdown.render("```python\n" + "return 1\n" * 900 + "x = 'a'\n```")
    assert len(Page(html).of("pre")) == 1
    assert set(re.findall(r"color:var\((--\w+)\)", html)) <= set(re.findall(r"(--\w+):", html))
