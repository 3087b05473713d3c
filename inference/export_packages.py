"""The packages that writing a TFLite file needs; nothing else does, and they are heavy."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

PACKAGES = ("litert_torch", "ai_edge_quantizer")
"""Of `requirements-export.txt`."""


def missing_packages(packages: Sequence[str] = PACKAGES) -> str | None:
    """What to do, in a sentence, when one of them is not installed; None when all are."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            return (
                f"Writing such files needs the package {package}: run "
                "`python -m pip install -r requirements-export.txt` first."
            )
    return None
