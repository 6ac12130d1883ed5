"""The notebooks run from top to bottom, and are committed as they ran."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from cromicle_magic.providers import weights

FOLDER = Path(__file__).parents[1] / "notebooks"
FILES = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module", autouse=True)
def pulled():
    weights.pull()


def executed(file):
    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": file.parent}}
    ).execute()
    return notebook


def prompts(notebook):
    return [
        cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.startswith("%%cromicle")
    ]


def test_there_is_a_quickstart():
    assert [file.name for file in FILES][:1] == ["01_quickstart.ipynb"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_runs_from_top_to_bottom_and_each_answer_is_saved(file):
    for cell in prompts(executed(file)):
        (output,) = cell.outputs
        assert output.output_type == "display_data"
        assert set(output.data) == {"text/html", "text/markdown", "text/plain"}
        assert len(output.data["text/plain"].partition("\n\n[")[0]) > 3


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_is_committed_with_its_outputs_and_without_an_error(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert all(cell.outputs for cell in prompts(notebook))
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"display_data", "execute_result", "stream"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_names_no_path_of_a_machine(file):
    text = file.read_text("utf-8")
    assert not re.findall(r"/(?:home|root|Users|tmp)/|[A-Z]:\\\\Users", text)
