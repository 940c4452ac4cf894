# SPDX-License-Identifier: BSD-3-Clause
"""The definitions that the documentation shows are accepted by the program."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from picobench import images, metrics
from picobench.adapters import adapter_for
from picobench.definitions import Definitions, codec_versions, read_codec
from picobench.yamlfile import validate

ROOT = Path(__file__).resolve().parent.parent


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page, in their order."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def definitions_with(folder: Path, kind: str, text: str) -> tuple[Definitions, str]:
    """Definitions of which this is the only one, since the project may have it too; and its id."""
    name = yaml.safe_load(text)["id"]
    (folder / kind).mkdir()
    (folder / kind / f"{name}.yaml").write_text(text)
    return Definitions(folder), name


def whole(page: str) -> list[str]:
    """The blocks that are whole definitions."""
    return [text for text in blocks(page, "yaml") if "id" in yaml.safe_load(text)]


@pytest.mark.parametrize("text", whole("adding-a-codec.md"), ids=lambda text: str(yaml.safe_load(text)["id"]))
def test_documented_codec_is_accepted(text: str, tmp_path: Path) -> None:
    codec = read_codec(*definitions_with(tmp_path, "codecs", text))
    adapter = adapter_for(codec)
    for point in codec.points:
        adapter.check(codec.point_options(point))


@pytest.mark.parametrize(
    "text", whole("adding-a-metric.md"), ids=lambda text: str(yaml.safe_load(text)["id"])
)
def test_documented_metric_is_accepted(text: str, tmp_path: Path) -> None:
    definitions, name = definitions_with(tmp_path, "metrics", text)
    metric = metrics.read_metric(definitions, name)
    available, why = metrics.availability(metric, tmp_path)
    assert available or "pyiqa" in why, why


def test_both_ways_to_add_a_codec_are_documented() -> None:
    kinds = {yaml.safe_load(text)["adapter"] for text in whole("adding-a-codec.md")}
    assert kinds == {"python", "command"}
    assert len(whole("adding-a-metric.md")) == 1


def test_other_documented_blocks_are_accepted_where_they_belong(tmp_path: Path) -> None:
    parts: dict[str, Any] = {}
    for text in blocks("adding-a-codec.md", "yaml"):
        if "id" not in yaml.safe_load(text):
            parts |= yaml.safe_load(text)
    assert set(parts) == {"definitions", "codecs", "versions"}
    validate(
        {
            "run": "x",
            "datasets": ["sample"],
            "metrics": ["psnr_rgb"],
            "anchor": "jpeg",
            "codecs": parts["codecs"],
        }
        | {"definitions": parts["definitions"]},
        "config",
        "docs",
    )
    python = next(text for text in whole("adding-a-codec.md") if "adapter: python" in text)
    definition = yaml.safe_load(python) | {"versions": parts["versions"]}
    definitions, name = definitions_with(tmp_path, "codecs", yaml.safe_dump(definition))
    versions = codec_versions(definitions, name)
    assert versions == ["my-codec@fast", "my-codec@slow"]
    for version in versions:
        codec = read_codec(definitions, version)
        adapter_for(codec).check(codec.point_options("d1"))


def test_documented_recipe_is_found(tmp_path: Path) -> None:
    (tmp_path / "containers" / "base").mkdir(parents=True)
    for file in ("Dockerfile", "images.yaml"):
        (tmp_path / "containers" / "base" / file).write_text(
            (ROOT / "containers" / "base" / file).read_text()
        )
    (text,) = blocks("adding-a-codec.md", "dockerfile")
    (tmp_path / "containers" / "kvazaar").mkdir()
    (tmp_path / "containers" / "kvazaar" / "Dockerfile").write_text(text)
    image = next(image for image in images.find_images(tmp_path) if image.folder.name == "kvazaar")
    definition = next(text for text in whole("adding-a-codec.md") if "adapter: command" in text)
    assert image.short_name == yaml.safe_load(definition)["command"]["image"]
    assert [parent.short_name for parent in image.parents] == ["base:trixie"]
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE)[-1] == "10001:10001"
