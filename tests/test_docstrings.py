"""Every example in a docstring of the package is true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import cromicle_magic
from cromicle_magic import runtime

# `__main__` runs the command line when it is imported.
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(cromicle_magic.__path__, "cromicle_magic.")
    if not module.name.endswith(".__main__")
)


@pytest.mark.parametrize("name", ["cromicle_magic", *MODULES])
def test_the_examples_hold(name):
    failed, _ = doctest.testmod(import_module(name), raise_on_error=False)
    runtime.shutdown()
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [test for name in MODULES for test in finder.find(import_module(name)) if test.examples]
    assert len(found) >= 5
