"""TeX is kept to the letter for the typesetter; money is money; formulas that act are text."""

import pytest
from rendering.pages import Page

from cromicle_magic.rendering import markdown, math


def formulas(text):
    """Return what a typesetter would be given, and the whole text."""
    html = markdown.render(text)
    page = Page(html)
    marked = [part.split("</")[0] for part in html.split(f'class="{math.CLASS}"')[1:]]
    return [Page("<p" + part).text for part in marked], page.text


@pytest.mark.parametrize(
    "formula",
    [
        "$x$",
        "$x_1 * y_2 * z$",
        r"$\frac{a}{b} \\ \{c\}$",
        "$a<b>c&d$",
        "$$x_1*y*$$",
        r"\(a_b*c*\)",
        r"\[a_b\]",
        r"$\$5$",
        "$`x`$",
        "$[a](b)$",
        "$$\na\n= b\n- c\n# d\n$$",
        "\\[\n\\begin{align}\na &= b \\\\\n\\end{align}\n\\]",
    ],
)
def test_a_formula_is_kept_to_the_letter(formula):
    assert formulas(formula)[0] == [formula]
    assert formulas(f"> {formula}".replace("\n", "\n> "))[0] == [formula]


def test_a_formula_may_stand_in_text():
    assert formulas("so $x$, $y$-axis and ($z$).")[0] == ["$x$", "$y$", "$z$"]
    assert formulas("so\n$$\nx\n$$\nis")[0] == ["$$\nx\n$$"]


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        "costs $5-$10",
        "US$5/US$6",
        "from $1,000 to $2,000.",
        "a $ b $ c",
        "$",
        "$$",
        "$ $",
        r"\$5 or 6\$",
        "$a\n\nb$",
        "`$x$`",
        "x$y$z5",
    ],
)
def test_money_is_not_math(text):
    assert formulas(text)[0] == []


ACTING = [
    "href",
    "url",
    "style",
    "class",
    "cssId",
    "require",
    "includegraphics",
    "unicode",
    "def",
    "gdef",
    "let",
]
ACTING += [
    "html",
    "htmlData",
    "newcommand",
    "renewcommand",
    "DeclareMathOperator",
    "bbox",
    "mmlToken",
    "csname",
]


@pytest.mark.parametrize("name", ACTING)
@pytest.mark.parametrize("around", ["${}$", "$${}$$", r"\({}\)", "$$\n{}\n$$", "\\[\n{}\n\\]"])
def test_a_formula_that_acts_is_text(name, around):
    formula = around.format(rf"\{name}{{javascript:alert(1)}}{{x}}")
    found, text = formulas(formula)
    assert found == []
    assert text.strip() == formula


@pytest.mark.parametrize("name", ["hrefs", "defn", "left", "letter", "stylex", "textstyle", "displaystyle"])
def test_other_macros_are_set(name):
    assert formulas(rf"$\{name} x$")[0] == [rf"$\{name} x$"]


def test_a_formula_of_excessive_length_is_text():
    assert formulas("$" + "x" * (math.LONGEST + 1) + "$")[0] == []


def test_an_open_formula_is_text_until_it_is_closed():
    stream = markdown.Stream()
    stream.feed("so\n\n$$\nx_1 * y * z\n")
    update = stream.update()
    assert "x_1 * y * z" in Page(update.tail).text
    assert math.CLASS not in update.tail
    stream.feed("$$\n")
    assert math.CLASS in stream.update().tail
