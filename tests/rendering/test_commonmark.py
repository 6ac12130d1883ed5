"""The examples of the CommonMark specification, but for those with raw HTML and images.

The examples are in commonmark.json, with their source and licence.
"""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cromicle_magic.rendering import markdown

EXAMPLES = json.loads(Path(__file__).with_name("commonmark.json").read_text("utf-8"))["examples"]
BLOCKS = {"blockquote", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul"}
KNOWN = BLOCKS | {"a", "br", "code", "em", "strong"}
KNOWN |= {f"/{name}" for name in KNOWN}
FOLLOWED = re.compile(r"(?:https?|mailto):.", re.IGNORECASE)
OURS = {"dir", "style", "class", "target", "rel"}

DIFFERENT = {
    346: "the host behind an address in angle brackets is shown where it is not the one that is read",
}


class Normal(HTMLParser):
    """Reads HTML into a list that is equal where a reader sees no difference.

    Links with schemes that are not followed are read as their text.
    """

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.seen, self.in_code, self.links = [], False, []
        self.feed(html)
        self.close()
        self._trim()

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.links.append(bool(FOLLOWED.match(dict(attributes).get("href") or "")))
        if tag in ("span", "div") or (tag == "a" and not self.links[-1]):
            return
        self.in_code |= tag == "pre"
        kept = sorted((name, value) for name, value in attributes if name not in OURS)
        self._note((tag, *(kept if tag != "code" else [])))

    def handle_endtag(self, tag):
        if tag in ("span", "div", "hr", "br") or (tag == "a" and not self.links.pop()):
            return
        self.in_code &= tag != "pre"
        self._note(("/" + tag,))

    def _note(self, entry):
        name = entry[0].strip("/")
        if name in BLOCKS and not self.in_code:
            self._trim()
        self.seen.append(entry)

    def handle_data(self, data):
        if not self.in_code:
            data = re.sub(r"\s+", " ", data)
            if not self.seen or (isinstance(self.seen[-1], tuple) and self.seen[-1][0].strip("/") in BLOCKS):
                data = data.lstrip()
        if data and self.seen and isinstance(self.seen[-1], str):
            self.seen[-1] += data
        elif data:
            self.seen.append(data)

    def _trim(self):
        if self.seen and isinstance(self.seen[-1], str):
            self.seen[-1] = self.seen[-1].rstrip()
            if not self.seen[-1]:
                self.seen.pop()


def left_out(example):
    """Tell whether an example has raw HTML or an image."""
    tags = set(re.findall(r"<(/?[a-z0-9]+|[!?])", example["html"]))
    anchor = "<a href" in example["markdown"] and "<a href" in example["html"]
    return example["section"] in ("HTML blocks", "Raw HTML") or anchor or not tags <= KNOWN


COMPARED = [example for example in EXAMPLES if not left_out(example)]


@pytest.mark.parametrize("example", COMPARED, ids=lambda example: str(example["example"]))
def test_an_example_renders_as_the_specification_says(example):
    same = Normal(markdown.render(example["markdown"])).seen == Normal(example["html"]).seen
    assert same == (example["example"] not in DIFFERENT)


def test_most_examples_are_compared():
    assert len(EXAMPLES) == 652
    assert len(COMPARED) > 540
