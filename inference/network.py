"""One BodyPix-like network on one device: a frame in, its heads out."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.analysis import Head, Heads
from inference.arrays import Rgb
from inference.errors import DeviceError, ModelError, UnderstudyError
from inference.flatbuffer import cut_custom_decoder, for_input_size
from inference.geometry import Placement, input_size_for
from inference.runtime import Device, is_edgetpu_model, make_interpreter
from inference.zoo import name_of

DEFAULT_LONG_SIDE = 481
"""Longer side of the network's input in pixels, where the network lets us choose."""

POSE_HEADS = {"heatmaps": 17, "short_offsets": 34, "mid_offsets": 64}
"""Channels of the heads that every network must have."""

BODY_HEADS = {"long_offsets": 34, "segments": 1, "part_heatmaps": 24}
"""Channels of the heads that a network with body parts has as well."""

_DOUBLINGS = 4
"""How much coarser than its pose heads the coarsest stage of a network may be, in powers of two."""

_KEPT_SIZES = 4
"""Interpreters kept ready for as many input sizes: live sessions with cameras of several shapes."""


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """What there is to know about a network before running it."""

    name: str
    """Its name in the zoo, else its file name without the ending."""
    path: Path
    sha256: str
    edgetpu: bool
    """Compiled for the Edge TPU."""
    fixed_size: tuple[int, int] | None
    """Width, height of the input in pixels; None when the input may have any size."""
    trim: int | None
    """A fixed input without its padding, in whole steps of so many pixels, does as well (on a CPU);
    None where it does not."""
    has_parts: bool
    """Knows body parts; False for a pose-only network."""
    stride: int
    """Pixels of the input from one cell of the pose heads' grid to the next."""
    body_stride: int | None
    """The same for person and parts, where their grid is finer; None where it is the same."""

    def placement(self, frame_size: tuple[int, int], long_side: int) -> Placement:
        """Where frames of `frame_size` (width, height) lie in the input.

        `long_side`: of the input, in pixels; a network of one size ignores it.
        """
        if self.fixed_size is None:
            input_size = input_size_for(frame_size, long_side, self.stride)
            return Placement.stretch(frame_size, input_size, self.stride)
        placement = Placement.letterbox(frame_size, self.fixed_size, self.stride)
        return placement if self.trim is None else placement.trimmed(self.trim)


@dataclass(frozen=True, slots=True)
class _Output:
    """One head's place in the interpreter."""

    index: int
    scale: float
    zero_point: int


class Network:
    """A network that is ready to run. Not thread-safe: one user at a time (`NetworkPool`)."""

    def __init__(
        self,
        model: bytes,
        info: NetworkInfo,
        device: Device,
        long_side: int,
        threads: int,
        interpreter: Any,
    ) -> None:
        """Use `open`, which reads the file and says what is wrong with it."""
        self.info = info
        self.device = device
        self.failed = False
        """True once the device has failed: this object is of no further use."""
        self._model = model
        self._long_side = long_side
        self._threads = threads
        self._input = interpreter.get_input_details()[0]
        self._outputs = _recognise_heads(interpreter.get_output_details())
        self._interpreters: OrderedDict[tuple[int, int], Any] = OrderedDict()
        if info.fixed_size is not None:
            self._interpreters[info.fixed_size] = interpreter

    @classmethod
    def open(
        cls, path: Path, device: Device, long_side: int = DEFAULT_LONG_SIDE, threads: int = 2
    ) -> Network:
        """Read a TFLite file and prepare it for a device.

        Args:
            path: a BodyPix-like TFLite file, Coral's `_decoder` files included.
            device: where it is to run.
            long_side: longer side of the network's input in pixels; a file with one fixed input
                size ignores it.
            threads: CPU threads for one frame.

        Raises:
            ModelError: no such file, damaged, no BodyPix-like network, or for another device.
            DeviceError: the device is missing or busy.
        """
        content = read_model(path)
        try:
            model = cut_custom_decoder(content)
            interpreter = make_interpreter(model, device, threads)
            size, stride, body_stride, has_parts = _examine(interpreter)
            resizable = device.kind == "cpu" and _accepts_another_size(interpreter, size, stride)
            trim = None
            if device.kind == "cpu" and not resizable:
                interpreter = make_interpreter(model, device, threads)
                interpreter.allocate_tensors()
                trim = _trim(model, size, _grid(interpreter, "heatmaps"), stride)
            info = NetworkInfo(
                name=name_of(path),
                path=path,
                sha256=hashlib.sha256(content).hexdigest(),
                edgetpu=is_edgetpu_model(content),
                fixed_size=None if resizable else size,
                trim=trim,
                has_parts=has_parts,
                stride=stride,
                body_stride=body_stride,
            )
            return cls(model, info, device, long_side, threads, interpreter)
        except ModelError as error:
            raise ModelError(f"{path.name}: {error}") from error
        except (RuntimeError, ValueError) as error:
            if device.kind == "edgetpu":
                raise _gone(device) from error
            raise ModelError(
                f"{path.name}: The runtime cannot prepare this network, it may be damaged: {error}"
            ) from error

    def infer(self, rgb: Rgb) -> tuple[Heads, dict[str, float]]:
        """Run the network on one frame.

        Args:
            rgb: uint8 `[H, W, 3]`, any size.

        Returns:
            The heads (copies, safe to keep) and milliseconds spent on "resize" and "invoke".

        Raises:
            DeviceError: the Edge TPU went away (`failed` is True from then on).
            ModelError: the network cannot run on this frame.
        """
        start = perf_counter()
        frame_size = (rgb.shape[1], rgb.shape[0])
        placement = self.info.placement(frame_size, self._long_side)
        picture = self._as_input(placement.resize(rgb))
        resized = perf_counter()
        try:
            interpreter = self._interpreter(placement.input_size)
            interpreter.set_tensor(self._input["index"], picture[np.newaxis])
            interpreter.invoke()
            values = {
                name: interpreter.get_tensor(output.index)[0]
                for name, output in self._outputs.items()
            }
        except (RuntimeError, ValueError, OSError) as error:
            raise self._failure(error, frame_size) from error
        invoked = perf_counter()
        heads: dict[str, Head | None] = dict.fromkeys(BODY_HEADS)
        heads |= {
            name: Head(values[name], output.scale, output.zero_point)
            for name, output in self._outputs.items()
        }
        timings = {"resize": (resized - start) * 1e3, "invoke": (invoked - resized) * 1e3}
        return (
            Heads(**heads, placement=placement, body_stride=self.info.body_stride),  # type: ignore[arg-type]
            timings,
        )

    def _interpreter(self, input_size: tuple[int, int]) -> Any:
        """The interpreter for an input size; the longest unused makes room for a new size."""
        ready = self._interpreters
        if input_size in ready:
            ready.move_to_end(input_size)
            return ready[input_size]
        oldest = None if len(ready) < _KEPT_SIZES else ready.popitem(last=False)[1]
        if self.info.fixed_size is not None:
            model = for_input_size(self._model, self.info.fixed_size, input_size)
            interpreter = make_interpreter(model, self.device, self._threads)
            interpreter.allocate_tensors()
        else:
            interpreter = oldest or make_interpreter(self._model, self.device, self._threads)
            _resize(interpreter, input_size)
        ready[input_size] = interpreter
        return interpreter

    def _as_input(self, picture: Rgb) -> NDArray[Any]:
        """BodyPix's normalisation, (value - 128) / 128, in the type the network takes."""
        if self._input["dtype"] == np.uint8:
            return picture
        if self._input["dtype"] == np.int8:
            return (picture ^ np.uint8(128)).view(np.int8)
        return (picture.astype(np.float32) - np.float32(128)) / np.float32(128)

    def _failure(self, error: Exception, frame_size: tuple[int, int]) -> UnderstudyError:
        if self.device.kind == "edgetpu":
            self.failed = True
            return _gone(self.device)
        width, height = frame_size
        return ModelError(f"{self.info.name} failed on a picture of {width}x{height}: {error}")


def read_model(path: Path) -> bytes:
    """The file's bytes; ModelError, in a sentence, when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"The network {path} cannot be read ({error.strerror}): `python run.py models` lists "
            f"those that can."
        ) from error


def _gone(device: Device) -> DeviceError:
    return DeviceError(f"The Edge TPU {device} stopped answering: plug it in again.")


def _examine(interpreter: Any) -> tuple[tuple[int, int], int, int | None, bool]:
    """Allocate; the input's width and height, the two strides, and whether there are parts.

    A stride is the power of two nearest to the distance of neighbouring cells when the outermost
    sit on the border, as they do, exactly or but for some pixels, in all networks of this family.
    The second is that of person and parts; None when it is the first.
    """
    interpreter.allocate_tensors()
    inputs = interpreter.get_input_details()
    shape = [int(side) for side in inputs[0]["shape"]] if len(inputs) == 1 else []
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        raise ModelError("its input is not one RGB picture: use a BodyPix-like network.")
    if inputs[0]["dtype"] not in (np.uint8, np.int8, np.float32):
        raise ModelError("its input is neither uint8, int8 nor float32.")
    has_parts = "part_heatmaps" in _recognise_heads(interpreter.get_output_details())
    size = shape[2], shape[1]
    stride = _stride(_grid(interpreter, "heatmaps"), size)
    body_stride = _stride(_grid(interpreter, "segments"), size) if has_parts else stride
    if body_stride > stride:
        raise ModelError("this is not a BodyPix-like network: its parts are coarser than its pose.")
    return size, stride, None if body_stride == stride else body_stride, has_parts


def _stride(grid: tuple[int, int], size: tuple[int, int]) -> int:
    rows, columns = grid
    if rows < 2 or columns < 2:
        raise ModelError("this is not a BodyPix-like network: its outputs are single cells.")
    distances = (size[1] - 1) / (rows - 1), (size[0] - 1) / (columns - 1)
    strides = {1 << max(0, round(math.log2(distance))) for distance in distances}
    if len(strides) > 1:
        raise ModelError("this is not a BodyPix-like network: its grid is not square.")
    return strides.pop()


def _accepts_another_size(interpreter: Any, size: tuple[int, int], stride: int) -> bool:
    """Whether the network takes another input size and answers with the grid that belongs to it."""
    rows, columns = 7, 9
    other = ((columns - 1) * stride + 1, (rows - 1) * stride + 1)
    if other == size:
        other, (rows, columns) = other[::-1], (columns, rows)
    try:
        _resize(interpreter, other)
    except (RuntimeError, ValueError):
        return False
    return _grid(interpreter, "heatmaps") == (rows, columns)


def _trim(model: bytes, size: tuple[int, int], grid: tuple[int, int], stride: int) -> int | None:
    """The least step by which the input of a file of one size can be made lower.

    `grid`: rows and columns of its heatmaps. None when it cannot.
    """
    (width, height), (rows, columns) = size, grid
    for step in (stride << doublings for doublings in range(_DOUBLINGS)):
        if height % step or width % step or step >= height:
            return None
        try:
            lower = for_input_size(model, size, (width, height - step))
            interpreter = make_interpreter(lower, Device("cpu"), 1)
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError, ModelError):
            continue  # Somewhere inside, half of a side is no whole number, or it is held fast.
        if _grid(interpreter, "heatmaps") == (rows - step // stride, columns):
            return step
    return None


def _resize(interpreter: Any, size: tuple[int, int]) -> None:
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, [1, size[1], size[0], 3])
    interpreter.allocate_tensors()


def _grid(interpreter: Any, head: str) -> tuple[int, int]:
    """Rows and columns of a head."""
    details = interpreter.get_output_details()
    output = _recognise_heads(details)[head].index
    rows, columns = next(d["shape"][1:3] for d in details if d["index"] == output)
    return int(rows), int(columns)


def _recognise_heads(details: list[dict[str, Any]]) -> dict[str, _Output]:
    """Tell the heads apart by their channels; of the two with 34, short comes before long.

    Coral's files name both (`float_short_offsets`, `float_long_offsets`); names decide where they
    say something, order does elsewhere.
    """
    outputs: dict[str, _Output] = {}
    grids: dict[bool, set[tuple[int, int]]] = {False: set(), True: set()}
    for detail in details:
        shape = tuple(int(side) for side in detail["shape"])
        name = _head_name(detail["name"], shape, outputs)
        if name is None:
            continue
        scale, zero_point = detail["quantization"]
        outputs[name] = _Output(int(detail["index"]), float(scale) or 1.0, int(zero_point))
        grids[name in ("segments", "part_heatmaps")].add((shape[1], shape[2]))
    wanted = POSE_HEADS | (BODY_HEADS if outputs.keys() & BODY_HEADS.keys() else {})
    missing = [f"{name} ({channels} channels)" for name, channels in wanted.items()]
    missing = [text for text, name in zip(missing, wanted, strict=True) if name not in outputs]
    if missing:
        raise ModelError(f"this is not a BodyPix-like network: it lacks {', '.join(missing)}.")
    if any(len(sizes) > 1 for sizes in grids.values()):
        raise ModelError("this is not a BodyPix-like network: its outputs differ in size.")
    return outputs


def _head_name(name: str, shape: tuple[int, ...], outputs: dict[str, _Output]) -> str | None:
    """Which head an output is; None when it is none, or one that was found already."""
    if len(shape) != 4 or shape[0] != 1:
        return None
    candidates = [
        head
        for head, channels in (POSE_HEADS | BODY_HEADS).items()
        if channels == shape[3] and head not in outputs
    ]
    named = [head for head in candidates if head.split("_")[0] in name]
    return next(iter(named or candidates), None)
