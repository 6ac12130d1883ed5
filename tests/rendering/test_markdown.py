"""Model text is shown formatted, and does nothing else."""

import re

import pytest
from hypothesis import given, settings
from rendering.pages import HOSTILE, Page, faults
from rendering.test_stream import TEXTS

from cromicle_magic.rendering import elements, markdown, sanitise

REL = "noopener noreferrer nofollow"


def inside(text, **options):
    """Return the HTML of `text` without the element around it."""
    return (
        markdown.render(text, **options)
        .removeprefix(markdown.wrap("").removesuffix("</div>"))[: -len("</div>")]
        .strip()
    )


def text_of(text):
    return " ".join(Page(markdown.render(text)).text.split())


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("images", [False, True])
def test_nothing_acts_in_a_hostile_text_whole_or_cut_anywhere(text, images):
    for end in range(len(text) + 1):
        assert faults(markdown.render(text[:end], images=images), images=images) == []


@given(TEXTS)
@settings(deadline=None)
def test_nothing_acts_in_any_text(text):
    assert faults(markdown.render(text)) == []


def test_the_second_wall_alone_holds_too(monkeypatch):
    """What the renderer itself lets through when it escapes nothing."""
    monkeypatch.setattr("cromicle_magic.rendering.spans.escape", lambda text: text)
    monkeypatch.setattr("cromicle_magic.rendering.code.escape", lambda text: text)
    monkeypatch.setattr("cromicle_magic.rendering.math.escape", lambda text: text)
    for text in HOSTILE:
        for tag, attributes in Page(markdown.render(text)).tags:
            assert tag in sanitise.TAGS
            assert not {
                name for name in attributes if name.startswith("on") or name in ("id", "srcdoc", "name")
            }


def test_the_second_wall_knows_no_address_without_a_scheme():
    html = '<a href="/x">a</a><a href="//evil.example">b</a><img src="//evil.example/p"><a href="x:y">c</a>'
    assert "evil" not in sanitise.clean(html)
    assert not re.search("(?:href|src)=", sanitise.clean(html))


def test_the_first_wall_alone_holds_too(monkeypatch):
    monkeypatch.setattr(elements, "clean", lambda html: html)
    for text in HOSTILE:
        assert faults(markdown.render(text)) == []


def test_there_is_one_element_around_all():
    html = markdown.render("a\n\nb")
    assert html.startswith('<div class="mathjax_ignore tex2jax_ignore" ')
    assert Page(html).open == []
    assert markdown.render("") == markdown.wrap("")


@pytest.mark.parametrize("address", ["https://a.example/b?c=d&e", "HTTP://a.example/", "mailto:a@b.example"])
def test_a_link_opens_elsewhere_and_says_nothing_of_us(address):
    (link,) = Page(markdown.render(f'[label](<{address}> "why")')).of("a")
    assert link == {"href": address, "title": "why", "target": "_blank", "rel": REL}


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "java&Tab;script:alert(1)",
        "&#1;javascript:alert(1)",
        "javascript&colon;alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://a.example/",
        "//a.example/x",
        "/relative",
        "#place",
        "https:",
        "https:///x",
        "https://",
        "https://a.example:bad/",
        "mailto:",
        "blob:https://a.example/x",
    ],
)
def test_another_address_leaves_its_label(address):
    assert inside(f"[label](<{address}>)") == "<p>label</p>"
    assert Page(markdown.render(f"[l][r]\n\n[r]: <{address}>\n\n<{address}>")).of("a") == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[google.com](https://evil.example/x)", "google.com (evil.example)"),
        ("[https://google.com/a](https://evil.example)", "https://google.com/a (evil.example)"),
        ("[**google.com**](https://google.com.evil.example)", "google.com (google.com.evil.example)"),
        ("[me@bank.example](mailto:me@evil.example)", "me@bank.example (evil.example)"),
        ("[x](https://bank.example@evil.example/)", "x (evil.example)"),
        ("<https://\u0430pple.example>", "https://\u0430pple.example (xn--pple-43d.example)"),
        ("[www.a.example](https://a.example/)", "www.a.example"),
        ("[the manual](https://a.example/)", "the manual"),
        ("<https://a.example/b>", "https://a.example/b"),
        ("[](https://a.example/b)", "https://a.example/b"),
    ],
)
def test_a_label_that_looks_like_another_address_is_followed_by_the_real_host(text, shown):
    assert text_of(text) == shown


def test_an_image_is_a_link_that_names_its_address():
    html = markdown.render('![a *cat*](https://a.example/c.png "t")')
    assert Page(html).text.strip() == "a cat (https://a.example/c.png)"
    assert "src" not in html
    assert text_of("![](https://a.example/c)") == "https://a.example/c"
    assert text_of("[![a](https://a.example/c)](https://b.example)") == "a (https://a.example/c)"
    assert text_of("![a](data:image/png;base64,x)") == "a"


def test_an_image_is_loaded_when_it_is_wished_and_https():
    (image,) = Page(markdown.render("![a *cat*](https://a.example/c.png)", images=True)).of("img")
    assert image == {
        "src": "https://a.example/c.png",
        "alt": "a cat",
        "loading": "lazy",
        "referrerpolicy": "no-referrer",
    }
    assert Page(markdown.render("![a](http://a.example/c.png)", images=True)).of("img") == []


def test_what_is_invisible_is_shown_and_families_stay_together():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert text_of(f"a\u202eb `\u200b` &#x202e; \x1b {family}") == (
        f"a⟨U+202E⟩b ⟨U+200B⟩ ⟨U+202E⟩ ␛ {family}"
    )
    (link,) = Page(markdown.render('[a](https://a.example/\u202e "\u202e")')).of("a")
    assert link["title"] == "⟨U+202E⟩"
    assert link["href"].isascii()


def test_raw_html_is_text():
    assert inside("<b>a</b>") == "<p>&lt;b&gt;a&lt;/b&gt;</p>"
    assert inside("<div>\n*a*\n</div>") == "<p>&lt;div&gt;\n<em>a</em>\n&lt;/div&gt;</p>"


def test_tasks_are_text():
    assert "☐ <em>a</em></li>" in inside("- [ ] *a*\n- [x] b\n- [y] c")
    assert text_of("- [ ] a\n- [x] b\n- [y] c") == "☐ a ☑ b [y] c"
    assert "<input" not in markdown.render("- [ ] a")


def test_tables_scroll_and_each_cell_says_where_it_begins():
    html = inside("| a | b |\n|--:|---|\n| 1 | ~~2~~ |\n")
    assert html.startswith('<div style="overflow-x:auto')
    assert '<td style="text-align:right">1</td><td style="text-align:start"><del>2</del></td>' in html


def test_footnotes_stand_at_the_end_without_addresses():
    text = "B[^b] a[^a] b[^b] no[^c].\n\n[^a]: A[^d]\n[^b]: B\n\n    more\n[^d]: D\n[^e]: unused\n"
    assert text_of(text) == "B[1] a[2] b[1] no[^c]. B more A[3] D unused"
    assert "id=" not in markdown.render(text)


@pytest.mark.parametrize("text", ["مرحبا", "- مرحبا", "> مرحبا", "| مرحبا |\n|-|\n"])
def test_text_that_runs_leftward_begins_at_the_right(text):
    html = markdown.render(text)
    assert 'dir="auto"' in html
    assert ('dir="rtl"' in html) == (text != "مرحبا")


def test_text_that_does_not_needs_no_direction():
    assert "dir=" not in markdown.render("# a\n\nb\n\n- c\n\n> d")


@pytest.mark.parametrize(
    "text",
    [
        "> " * 10_000 + "a",
        "- " * 10_000 + "a",
        "[" * 10_000,
        "*" * 10_000 + "a",
        "![[[[" * 3000,
        "<" * 10_000,
    ],
)
def test_what_is_nested_without_end_is_safe_and_ends(text):
    assert faults(markdown.render(text)) == []


def test_no_letter_of_a_word_without_end_is_lost():
    assert text_of("x" * 50_000) == "x" * 50_000
    assert Page(markdown.render("x" * 50_000)).of("p") == [{}]
