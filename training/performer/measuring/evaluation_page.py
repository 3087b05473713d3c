"""What `run.py evaluate` found as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from jinja2 import Environment, FileSystemLoader

from capture.files import write_whole
from inference.arrays import Rgb

TEMPLATES = Path(__file__).parents[3] / "templates"

EXPLAINED = {
    "ssim": ("SSIM", "structure, 1 is equal; rewards blur", "more"),
    "error": ("error", "mean difference, 0 to 255", "less"),
    "psnr": ("PSNR", "dB", "more"),
    "haarpsi": ("HaarPSI", "edges where they should be, 1 is equal", "more"),
    "frame_ssim": ("SSIM, whole frame", "", "more"),
    "frame_error": ("error, whole frame", "", "less"),
    "frame_psnr": ("PSNR, whole frame", "", "more"),
    "frame_haarpsi": ("HaarPSI, whole frame", "", "more"),
    "face_ssim": ("SSIM, face", "", "more"),
    "face_error": ("error, face", "", "less"),
    "face_psnr": ("PSNR, face", "", "more"),
    "face_haarpsi": ("HaarPSI, face", "", "more"),
    "sharpness": ("sharpness", "of the dancer; 1 is the truth's", "more"),
    "face_sharpness": ("sharpness, face", "", "more"),
    "pose_distance": ("pose distance", "of key points, in body heights", "less"),
    "pck": ("PCK@0.1", "share of key points that are right", "more"),
    "missed": ("missed key points", "a frame", "less"),
    "warping_error": ("warping error", "flicker; 1 is the true clip's", "less"),
    "flow_distance": ("tOF", "pixels that movement is off", "less"),
    "ms": ("ms a picture", "on this machine, without looking at the source", "less"),
}
"""Figure: its name, what it means, what is better."""


@dataclass(frozen=True, slots=True)
class Part:
    """One table with its pictures."""

    title: str
    rows: Mapping[str, Mapping[str, float]]
    """Figures by performer."""
    strip: Rgb
    """A row of pictures: what is to be compared with first, then each performer of `rows`."""
    film: bytes
    """The same side by side, moving: mp4."""


def write_page(path: Path, about: Mapping[str, Any], parts: list[Part], curves: Path) -> None:
    """Write the page, whole or not at all. `curves`: a PNG, left out when it is not there."""
    page = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    text = page.get_template("evaluation.html").render(
        about=about,
        parts=[
            {
                "title": part.title,
                "performers": list(part.rows),
                "lines": [_line(name, part.rows) for name in EXPLAINED if _there(name, part.rows)],
                "strip": _as_data(_jpeg(part.strip), "image/jpeg"),
                "film": _as_data(part.film, "video/mp4"),
            }
            for part in parts
        ],
        curves=_as_data(curves.read_bytes(), "image/png") if curves.is_file() else None,
    )
    write_whole(path, text.encode())


def _there(name: str, rows: Mapping[str, Mapping[str, float]]) -> bool:
    return any(name in row for row in rows.values())


def _line(name: str, rows: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """A figure of all performers, the best marked."""
    title, meaning, better = EXPLAINED[name]
    values = {performer: row[name] for performer, row in rows.items() if name in row}
    # The plate is there for comparison: it neither flickers nor takes time, for it shows nobody.
    real = [value for performer, value in values.items() if performer != "plate"]
    best = (max if better == "more" else min)(real, default=None)
    return {
        "title": title,
        "meaning": meaning,
        "better": better,
        "cells": [
            {
                "text": _text(values.get(performer)),
                "best": performer != "plate" and performer in values and values[performer] == best,
            }
            for performer in rows
        ],
    }


def _text(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _jpeg(rgb: Rgb) -> bytes:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return data.tobytes()


def _as_data(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
