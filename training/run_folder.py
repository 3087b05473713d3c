"""A run's folder: its options, its history, its last good state.

```
RUN/
  options.json        what was asked for, and the version of this layout
  labels/             a labelled picture a file
  history.jsonl       a line each time the student was measured
  checkpoint.pt       weights, their running mean, optimiser, how far it is
  student.safetensors the running mean in fp16: what is exported and what others start from
```
"""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from capture.files import disk_errors, make_folder, write_whole
from training.errors import TrainingError

VERSION = 1


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths and files of one run."""

    path: Path

    def open(self, options: dict[str, Any]) -> None:
        """Begin a run, or go on with one that was begun with the same options.

        Raises:
            TrainingError: the folder holds another kind of run, or one of another version.
            CaptureError: nothing can be written there.
        """
        make_folder(self.path)
        wanted = {"version": VERSION, "kind": "distill", **options}
        stored = self.options()
        if stored is None:
            if any(self.path.iterdir()):
                raise TrainingError(f"{self.path} is not empty and no run of ours: name another.")
            text = json.dumps(wanted, indent=2)
            write_whole(self.path / "options.json", text.encode(), durable=True)
            return
        if stored.get("version") != VERSION:
            raise TrainingError(
                f"{self.path} was made by another version of this program: name another folder."
            )
        differing = [name for name in ("kind", "preset") if stored.get(name) != wanted[name]]
        if differing:
            raise TrainingError(
                f"{self.path} was begun with another {differing[0]} "
                f"({stored.get(differing[0])}): name another folder, or ask for the same."
            )

    def options(self) -> dict[str, Any] | None:
        """What the run was begun with; None when there is no run."""
        try:
            stored: dict[str, Any] = json.loads((self.path / "options.json").read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise TrainingError(f"{self.path}/options.json cannot be read: {error}.") from error
        return stored

    def note(self, line: dict[str, Any]) -> None:
        """Add a line to the history."""
        path = self.path / "history.jsonl"
        with disk_errors(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def history(self) -> list[dict[str, Any]]:
        """All lines; one that was cut off is left out."""
        lines = []
        path = self.path / "history.jsonl"
        for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
            try:
                lines.append(json.loads(line))
            except (ValueError, RecursionError):
                continue
        return lines

    def save(self, state: dict[str, Any]) -> None:
        """Write the checkpoint whole; `CaptureError` on a full disk, the last one stays."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_whole(self.path / "checkpoint.pt", buffer.getbuffer(), durable=True)

    def load(self) -> dict[str, Any] | None:
        """The last checkpoint; None when there is none."""
        path = self.path / "checkpoint.pt"
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
            raise TrainingError(
                f"{path} is damaged: delete it to begin anew with the labels that are there."
            ) from error
        return state
