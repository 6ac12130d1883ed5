"""What a model writes runs nothing and fetches nothing in JupyterLab, live and character by character."""

import pytest
from labs import lab, notebook

HOSTILE = [
    "<script>window.ran = true</script>",
    '<img src="http://beacon.invalid/img" onerror="window.ran = true">',
    "<svg onload='window.ran = true'><a xlink:href='javascript:window.ran=true'>x</a></svg>",
    '<iframe srcdoc="<script>parent.ran = true</script>"></iframe>',
    "<details open ontoggle='window.ran = true'>x</details>",
    '<video poster="http://beacon.invalid/poster"><source src="http://beacon.invalid/video"></video>',
    '<video><source src="x" onerror="window.ran = true"></video>',
    "<div style='background: url(http://beacon.invalid/css)'>x</div>",
    "<style>@import url(http://beacon.invalid/import)</style>",
    "<link rel=stylesheet href=http://beacon.invalid/link>",
    "<form action=http://beacon.invalid/form><input autofocus onfocus='window.ran = true'></form>",
    "![image](http://beacon.invalid/inline) ![ref][r]\n\n[r]: http://beacon.invalid/reference",
    "[link](javascript:window.ran=true) <javascript:window.ran=true> [d](data:text/html,<script>1</script>)",
    "[j](JaVa&#115;cript:window.ran=true) [k](java\tscript:window.ran=true) [v](vbscript:x)",
    "$\\href{javascript:window.ran=true}{x}$ $$\\class{x}{y}$$",
    "$$\\style{background:url(http://beacon.invalid/tex)}{y}$$",
    '```html\n<script>window.ran = true</script>\n```\n\n~~~"><img src=http://beacon.invalid/info>\ncode\n~~~',
    "`<img src=http://beacon.invalid/code>` **<b onclick=window.ran=true>**",
    "| <img src=x onerror=window.ran=true> |\n|-|",
    "- > 1. <img src=http://beacon.invalid/nested onerror=window.ran=true>",
]

SETUP = f"""%load_ext cromicle_magic
from cromicle_magic.providers import Scripted
hostile = {HOSTILE!r}
text = "\\n\\n".join(hostile)
attack = Scripted.playing(list(text), delay=0.002)"""

RAN = "() => window.ran === true"


@pytest.mark.timeout(180)
def test_nothing_runs_and_nothing_is_fetched_and_the_same_as_raw_markdown_does_both(tmp_path):
    control = (
        "from IPython.display import Markdown, display\nfor part in hostile:\n    display(Markdown(part))"
    )
    with lab(tmp_path, notebook(SETUP, "%%cromicle -p attack\nAttack.", control)) as opened:
        opened.run(0)
        opened.run(1)
        opened.page.wait_for_timeout(1000)
        area = opened.page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".jp-OutputArea .mathjax_ignore")
        assert area.count() == 1
        for link in area.locator("a").all():
            assert link.get_attribute("href").startswith(("http://beacon.invalid/", "mailto:"))
        assert (
            area.locator("img, svg:not(mjx-container svg), iframe, video, form, input, style, link").count()
            == 0
        )
        assert not opened.page.evaluate(RAN)
        assert opened.outside == []

        opened.run(2)
        opened.page.wait_for_function(RAN)
        assert {"img", "inline", "poster"} <= {url.rpartition("/")[2] for url in opened.outside}
