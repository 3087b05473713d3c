"""Stands for the PyPI package about coral reefs, which happens to have the same name."""

raise AssertionError("the coral-reef package must not even be imported")
