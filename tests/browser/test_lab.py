"""The magic in JupyterLab, as a person sees it."""

import pytest
from labs import lab, notebook

STOP = '[data-command="notebook:interrupt-kernel"]'
SLOW = """%load_ext cromicle_magic
from cromicle_magic.providers import Scripted
slow = Scripted.playing(" ".join(f"word{n}" for n in range(400)), delay=0.02)"""


@pytest.fixture
def opened(tmp_path):
    source = notebook(
        SLOW, "%%cromicle -p slow --out answer\nCount to four hundred.", "print('queued', answer.status)"
    )
    with lab(tmp_path, source) as running:
        yield running


@pytest.mark.timeout(180)
def test_an_answer_grows_in_the_output_stop_ends_it_and_the_saved_notebook_shows_what_came(opened):
    opened.run(0)
    opened.start(1)
    opened.wait_for(1, "word3 ")
    first = opened.output(1)
    opened.wait_for(1, "word30 ")
    assert opened.output(1).startswith(first[:20])
    assert len(opened.output(1)) > len(first)

    opened.page.locator(STOP).first.click()
    opened.wait_for(1, "CromicleInterrupted: stopped after")
    stopped = opened.output(1)
    assert "word30 " in stopped
    assert "Traceback" not in stopped

    opened.run(2)
    assert "queued stopped" in opened.output(2)
    cell = opened.saved()["cells"][1]
    assert [output["output_type"] for output in cell["outputs"]] == ["display_data", "error"]
    assert set(cell["outputs"][0]["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert (opened.errors, opened.outside) == ([], [])
