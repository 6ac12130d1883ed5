"""What a browser would make of HTML, and texts that would like it to do more."""

from html.parser import HTMLParser

from cromicle_magic.rendering import sanitise

ALLOWED = {
    "a": {"href", "title", "target", "rel"},
    "img": {"src", "alt", "loading", "referrerpolicy"},
    "ol": {"start"},
}
EVERYWHERE = {"dir", "style", "class"}
VOID = {"br", "hr", "img"}

HOSTILE = [
    "<script>alert(1)</script>",
    "</div><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "[x](javascript:alert(1)) ![x](http://evil/?q=secret) <http://evil>",
    "[x]( \tjAvAsCrIpT:alert(1)) [x](java&#x0a;script:alert(1)) [x](java%0ascript:alert(1))",
    "[x](&#106;avascript:alert(1)) [x](<javascript:alert(1)>) <javascript:alert(1)> <data:text/html,x>",
    "[x](data:text/html,<script>alert(1)</script>) [x](vbscript:x) [x](file:///etc/passwd) [x](//evil/x)",
    "[x][r] ![y][r] [r]\n\n[r]: javascript:alert(1) 'title'\n",
    '[![in](https://evil/p?q=secret)](https://ok.example/ "t"onclick=alert(1)")',
    "```\n</pre><svg onload=alert(1)>\n`````\n~~~",
    '```html onclick=alert(1)\n<iframe srcdoc=x>\n```\n~~~"><script>\n</pre><script>alert(1)</script>\n~~~',
    "`<img src=x onerror=alert(1)>` ``a`<b>`` `</code><script>`",
    "&lt;b&gt; &#60;i&#62; &#x3c;script&#x3e; \x00 \x1b[31m \u202e &#x202e; \u200b",
    "$\\href{javascript:alert(1)}{x}$ and $5 or $10 $$\\style{color:red}{x}$$ \\[\\require{html}\\]",
    "$$\n\\html<script>alert(1)</script>\n$$ \\(</span><script>alert(1)</script>\\)",
    "| <script> | [a](javascript:x) |\n|:-:|--:|\n| ![z](https://evil/z) | `|` <b> |\n",
    "> - <form action=//evil><input type=password>\n>   1. <style>*{display:none}</style>\n",
    "- [ ] <input onfocus=alert(1) autofocus>\n- [x] done\n",
    "note[^1] and [^<script>]\n\n[^1]: <img src=x onerror=alert(1)> [x](javascript:1)\n",
    "# <svg/onload=alert(1)>\n\n<a href='x' style='position:fixed'>x</a>\n===\n",
    "<http://evil.example/?q=<script>> <mailto:a@b.c?subject=<b>> <a@b.example>",
    "[google.com](https://evil.example/) [https://bank.example](https://bank.example@evil.example/x)",
    "<!-- --><![CDATA[ x ]]><?php ?><!DOCTYPE html><style>@import url(//evil)</style>",
    "<table background=//evil><tr><td style=background:url(//evil)>x</table>",
    "https://ok.example/?a=1&b=2 www.ok.example",
    "![\ud800](https://evil/\ud800) [\ud800](https://evil/\ud800)",
]


class Page(HTMLParser):
    """Collects what a browser would make of HTML: its tags with their attributes, and its text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.text, self.crossed = [], [], "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data):
        self.text += data

    handle_comment = handle_decl = handle_pi = unknown_decl = handle_data

    def of(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def faults(html, *, images=False):
    """Return what in `html` could act: nothing, it is to be hoped."""
    page = Page(html)
    found = [("crossed", *page.crossed, *page.open)] if page.crossed or page.open else []
    found += [("control", hex(ord(c))) for c in page.text if c in "\x00\x1b\u202e\u200b\x7f\x9b"]
    for tag, attributes in page.tags:
        if tag not in sanitise.TAGS or (tag == "img" and not images):
            found.append(tag)
        found += [(tag, name) for name in attributes.keys() - ALLOWED.get(tag, set()) - EVERYWHERE]
        found += [(tag, value) for name, value in attributes.items() if not _tame(name, value)]
    return found


def _tame(name, value):
    match name:
        case "href":
            return value.startswith(("http://", "https://", "mailto:", "HTTP")) and value.isprintable()
        case "src":
            return value.startswith("https://")
        case "rel":
            return value == "noopener noreferrer nofollow"
        case "target":
            return value == "_blank"
        case "class":
            return value in ("mathjax_ignore tex2jax_ignore", "mathjax_process tex2jax_process")
        case "dir":
            return value in ("auto", "ltr", "rtl")
        case "start":
            return value.isdecimal()
        case "style":
            return all(part.split(":")[0].strip() in sanitise.STYLES for part in value.split(";"))
    return True
