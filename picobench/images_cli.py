# SPDX-License-Identifier: BSD-3-Clause
"""`picobench images`: build the container images of codecs, list them, check them."""

import argparse
import sys
from pathlib import Path
from typing import Any

from picobench import images
from picobench.definitions import Definitions, read_codec
from picobench.errors import PicobenchError
from picobench.runners import Limits
from picobench.runners.docker import MEASURE, DockerRunner, connect

_VERIFY_LIMITS = Limits(seconds=60.0, memory_bytes=1 << 30, processes=64)


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser of `picobench`."""
    command = subparsers.add_parser("images", help="build, list and check the container images of codecs")
    command.add_argument(
        "action",
        choices=["build", "list", "verify"],
        help="build: make those that are absent or stale; list: say what there is; verify: run their tools",
    )
    command.add_argument(
        "names", nargs="*", metavar="IMAGE", help="such as av1 or av1:3.12; all of containers/ if left out"
    )
    command.add_argument("--force", action="store_true", help="build also what is current")
    command.add_argument("--root", type=Path, default=Path(), help="folder with containers/ and codecs/")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status."""
    found = images.find_images(arguments.root)
    chosen = images.select(found, arguments.names)
    definitions = Definitions(arguments.root)
    if arguments.action == "build":
        complete = _with_weights(chosen, definitions)
        lacking = len(complete) < len(chosen)
        if not complete:
            return int(lacking)
    client = connect()
    try:
        if arguments.action == "build":
            return int(_build(client, images.with_parents(complete), force=arguments.force) or lacking)
        if arguments.action == "list":
            return _list(client, chosen)
        return _verify(client, chosen, definitions)
    finally:
        client.close()


def _with_weights(chosen: list[images.Image], definitions: Definitions) -> list[images.Image]:
    """Those whose weights are there; for the others, what is missing is said before anything is fetched."""
    users = images.codecs_by_image(definitions)
    complete = []
    for image in chosen:
        missing = images.missing_weights(image, definitions, users.get(image.short_name, []))
        for file in missing:
            print(f"picobench: {image.short_name}: left out, put there {file}", file=sys.stderr)
        if not missing:
            complete.append(image)
    return complete


def _build(client: Any, chosen: list[images.Image], *, force: bool) -> int:
    failed: set[str] = set()
    for image in chosen:
        broken = failed & {parent.short_name for parent in image.parents}
        if broken:
            print(f"{image.short_name}: left out, {sorted(broken)[0]} was not built", file=sys.stderr)
            failed.add(image.short_name)
            continue
        status, digest = images.state(client, image)
        if status == "current" and not force:
            print(f"{image.short_name}: current {digest}")
            continue
        print(f"{image.short_name}: building", flush=True)
        try:
            print(f"{image.short_name}: built {images.build(client, image)}")
        except PicobenchError as error:
            print(f"picobench: {error}", file=sys.stderr)
            failed.add(image.short_name)
    return 1 if failed else 0


def _list(client: Any, chosen: list[images.Image]) -> int:
    width = max((len(image.short_name) for image in chosen), default=0)
    for image in chosen:
        status, digest = images.state(client, image)
        print(f"{image.short_name:{width}}  {status:8}{digest}".rstrip())
    return 0


def _verify(client: Any, chosen: list[images.Image], definitions: Definitions) -> int:
    from picobench.adapters.command import CommandAdapter

    users = images.codecs_by_image(definitions)
    problems = 0
    for image in chosen:
        status, digest = images.state(client, image)
        try:
            problem = "" if status == "current" else f"is {status}; build it: picobench images build"
            problem = problem or _unsafe(client, image)
            print(f"{image.short_name}: {problem or digest}")
            for codec_id in [] if problem else users.get(image.short_name, []):
                versions = (
                    CommandAdapter(codec_id, read_codec(definitions, codec_id).command).environment().versions
                )
                tool = next(iter(versions.items()))
                print(f"{image.short_name}: {codec_id} runs {tool[0]} {tool[1]}")
        except PicobenchError as error:
            problem = str(error)
            print(f"{image.short_name}: {problem}")
        problems += bool(problem)
    return 1 if problems else 0


def _unsafe(client: Any, image: images.Image) -> str:
    """Why an image cannot serve; empty when it can."""
    problem = images.user_problem(client.images.get(image.name).attrs["Config"].get("User") or "")
    if problem:
        return problem
    with DockerRunner(image.short_name).workplace(_VERIFY_LIMITS) as place:
        # The measuring program without arguments explains itself and fails: it is there and can be run.
        execution = place.run([MEASURE])
    if not execution.output.startswith(f"usage: {MEASURE}"):
        return f"has no {MEASURE}; copy it from picobench/base ({execution.reason})"
    return ""
