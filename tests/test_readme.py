"""What README says of the flags is what the parser does."""

import re
from pathlib import Path

from cromicle_magic.jupyter.flags import FLAGS

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_the_table_of_flags_is_the_parsers():
    rows = re.findall(r"^\| (`-.*?) \| (.*) \|$", README, re.MULTILINE)
    told = [
        ([name.split()[0] for name in re.findall("`(.*?)`", names)], text.replace("`", ""))
        for names, text in rows
    ]
    assert told == [(list(flag.names), flag.help) for flag in FLAGS]
