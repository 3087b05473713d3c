#!/usr/bin/env python3
"""Understudy's command line. Without a command it serves the pages."""

from __future__ import annotations

import argparse
import errno
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

# OpenBLAS's own threads would fight those of the networks; it reads this when it is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS = (
    "serve",
    "capture",
    "segment",
    "export",
    "repair",
    "models",
    "bench",
    "train",
    "perform",
    "prepare",
    "film",
    "loop",
    "evaluate",
    "export-model",
    "distill",
    "evaluate-model",
)
OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)
FLAG = re.compile(r"-h|--[a-z][a-z0-9-]*(=.*)?|-[0-9.]+", re.DOTALL)
OURS = ("bench", "capture", "inference", "server", "training", "transfer")


def main(argv: list[str]) -> int:
    """Run one command; its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  An older one gets this far.
        print("Understudy needs Python 3.11 or newer.", file=sys.stderr)
        return 1
    try:
        return _run(argv)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OURS:
            raise
        print(
            f"The Python package {error.name} is not installed: use `make run`, or "
            "`python -m pip install -r requirements.txt`.",
            file=sys.stderr,
        )
        return 1


def _run(argv: list[str]) -> int:
    from inference.errors import UnderstudyError

    if not argv or (argv[0] not in COMMANDS and argv[0] not in ("-h", "--help")):
        argv = ["serve", *argv]
    try:
        arguments = _parser(argv[0]).parse_args(_named(argv))
        code: int = arguments.command(arguments)
        sys.stdout.flush()
        return code
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever reads (`| head`) has heard enough; what is left would be written at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None and error.errno not in OF_A_DISK:
            raise
        # Whoever knew more about it would have said so by now.
        named = error.filename or "A file"
        name = os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else str(named)
        print(
            f"{name} cannot be read or written: {error.strerror}; choose another place, or make "
            "room and give permission there.",
            file=sys.stderr,
        )
        return 1


def _named(argv: list[str]) -> list[str]:
    """The words, with names of files that begin with a dash written as no flag."""
    from inference.errors import UnderstudyError

    end = argv.index("--") if "--" in argv else len(argv)
    words = []
    for word in argv[:end]:
        if word.startswith("-") and word != "-" and not FLAG.fullmatch(word):
            if not os.path.lexists(word):
                raise UnderstudyError(
                    f"{word} begins with a dash like a flag: write a file's name as ./{word}, "
                    f"anything else as --flag={word}."
                )
            word = f".{os.sep}{word}"
        words.append(word)
    return words + argv[end:]


def _parser(wanted: str) -> argparse.ArgumentParser:
    """Only what `wanted` needs is imported: `models` must not wait for the server."""
    parser = argparse.ArgumentParser(
        prog="run.py", description="Open a URL, dance, download an aligned dataset of yourself."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    titles = {
        "serve": "serve the pages (the default)",
        "capture": "turn videos into datasets",
        "segment": "label maps and poses of pictures",
        "export": "a dataset in the format your tools read",
        "repair": "masks whose colours have drifted become exact",
        "models": "the networks: list them, fetch one",
        "bench": "how fast, how good, on this machine",
        "train": "train a performer on a dataset",
        "perform": "a video of somebody becomes a video of somebody else",
        "prepare": "a dataset is made ready to be shown, as the server does when a capture ends",
        "film": "a dataset as a film, frames beside label maps",
        "loop": "three seconds of a film as a GIF or a boomerang",
        "evaluate": "how like the truth a trained performer is",
        "export-model": "a trained performer as an int8 TFLite or an ONNX file",
        "distill": "train a segmentation and pose network of your own",
        "evaluate-model": "how good a network is, on real data it never saw",
    }
    for name, title in titles.items():
        command = commands.add_parser(name, help=title, description=title)
        if name == wanted:
            _ADD[name](command)
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    from server import settings

    settings.add_arguments(parser)
    parser.set_defaults(command=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    import logging

    from server import app, settings

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    app.run(settings.from_arguments(arguments))
    return 0


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", metavar="NAME|PATH", help="network (see `models`)")
    parser.add_argument(
        "--device", default="auto", metavar="DEVICE", help="auto, cpu, edgetpu or edgetpu:0,1"
    )
    parser.add_argument(
        "--long-side", type=int, default=0, metavar="N", help="of the network's input, pixels"
    )


def _add_capture(parser: argparse.ArgumentParser) -> None:

    parser.add_argument("videos", nargs="+", type=Path, metavar="VIDEO")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the dataset, or one each in it"
    )
    parser.add_argument("--heads", action="store_true", help="keep the network's raw outputs too")
    parser.add_argument(
        "--pose",
        choices=("", "movenet-thunder"),
        default="",
        help="look at every frame again for better key points, slowly (needs PyTorch)",
    )
    parser.add_argument("--frames", choices=("jpg", "png"), default="jpg", help="default: jpg")
    parser.add_argument("--title", default="", help="default: the video's name")
    # How the server calls it.
    parser.add_argument(
        "--progress", choices=("bar", "json"), default="bar", help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--source-kind", choices=("import", "recorder"), default="import", help=argparse.SUPPRESS
    )
    parser.add_argument("--source-name", default="", help=argparse.SUPPRESS)
    _add_network(parser)
    parser.set_defaults(command=_capture)


def _capture(arguments: argparse.Namespace) -> int:
    from capture import commands

    if not arguments.pose:
        return commands.capture(arguments)
    # PyTorch is imported for this alone: boards that only capture do without it.
    from training.network.pose_teachers import Thunder

    return commands.capture(arguments, Thunder().again)


def _add_segment(parser: argparse.ArgumentParser) -> None:
    from capture import commands

    parser.add_argument("pictures", nargs="+", type=Path, metavar="IMAGE_OR_FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    _add_network(parser)
    parser.set_defaults(command=commands.segment)


def _add_export(parser: argparse.ArgumentParser) -> None:
    from capture import commands
    from capture.export import FORMATS

    names = [one.name for one in FORMATS]
    parser.add_argument("dataset", type=Path, metavar="DATASET")
    parser.add_argument("--format", choices=names, required=True)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="PATH", help="NAME.zip, or a folder"
    )
    parser.add_argument("--force", action="store_true", help="replace NAME.zip when it is there")
    parser.set_defaults(command=commands.export)


def _add_repair(parser: argparse.ArgumentParser) -> None:
    from capture import commands

    parser.add_argument("masks", type=Path, metavar="MASKS", help="a picture or a folder of them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.set_defaults(command=commands.repair)


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "fetch"), default="list")
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.set_defaults(command=_models)


def _models(arguments: argparse.Namespace) -> int:
    from inference import teachers, zoo
    from inference.errors import ModelError
    from inference.published import models_folder

    if arguments.action == "fetch":
        if arguments.name is None:
            raise ModelError("Name the network to fetch: `python run.py models` lists them.")
        from capture.progress import Progress

        with Progress(arguments.name, "B") as progress:
            teacher = teachers.named(arguments.name)
            path = (
                teachers.fetch_teacher(teacher, progress)
                if teacher
                else zoo.fetch(arguments.name, progress)
            )
        print(f"{arguments.name} is here: {path}")
        return 0
    default = None
    with suppress(ModelError):
        default = zoo.default_model()
    for state in zoo.list_models():
        here = "here" if state.path else state.problem or "to be fetched"
        if state.model == default:
            here += ", default"
        print(f"{state.model.name:<28} {here:<14} {state.model.title}")
    print("\nTeachers, for `distill --teacher`:")
    for model in teachers.TEACHERS:
        missing = teachers.problem_with_files(model)
        print(f"{model.name:<28} {'to be fetched' if missing else 'here':<14} {model.title}")
    print(f"\nFolder: {models_folder()}")
    return 0


def _add_bench(parser: argparse.ArgumentParser) -> None:
    from bench import command

    command.add_arguments(parser)
    parser.set_defaults(command=command.main)


def _add_train(parser: argparse.ArgumentParser) -> None:
    from training.performer import train_command

    train_command.add_arguments(parser)


def _add_export_model(parser: argparse.ArgumentParser) -> None:
    from training.performer import export_performer

    export_performer.add_arguments(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    from training.performer.measuring import evaluate_performer_command

    evaluate_performer_command.add_arguments(parser)
    _add_network(parser)


def _add_perform(parser: argparse.ArgumentParser) -> None:
    from transfer.output import perform_command

    perform_command.add_arguments(parser)
    _add_network(parser)


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    from transfer.performers import prepare

    prepare.add_arguments(parser)


def _add_film(parser: argparse.ArgumentParser) -> None:
    from transfer.output import film_command

    film_command.add_arguments(parser)


def _add_loop(parser: argparse.ArgumentParser) -> None:
    from transfer.output import loop_command

    loop_command.add_arguments(parser)


def _add_distill(parser: argparse.ArgumentParser) -> None:
    from training.network import distill_command

    distill_command.add_arguments(parser)


def _add_evaluate_model(parser: argparse.ArgumentParser) -> None:
    from training.network import evaluate_command

    evaluate_command.add_arguments(parser)


_ADD = {
    "serve": _add_serve,
    "capture": _add_capture,
    "segment": _add_segment,
    "export": _add_export,
    "repair": _add_repair,
    "models": _add_models,
    "bench": _add_bench,
    "train": _add_train,
    "perform": _add_perform,
    "prepare": _add_prepare,
    "film": _add_film,
    "loop": _add_loop,
    "evaluate": _add_evaluate,
    "export-model": _add_export_model,
    "distill": _add_distill,
    "evaluate-model": _add_evaluate_model,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
