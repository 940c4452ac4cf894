# SPDX-License-Identifier: BSD-3-Clause
"""Every registered codec, dataset and metric keeps its contract. A new definition is tested without a test."""

from pathlib import Path

import pytest

from picobench.conformance import check_codec, ready_codecs
from picobench.definitions import Definitions, read_codec

DEFINITIONS = Definitions(Path(__file__).resolve().parent.parent)
CODECS = ready_codecs(DEFINITIONS)


@pytest.mark.parametrize("name", CODECS)
def test_codec(name: str) -> None:
    if CODECS[name]:
        pytest.skip(CODECS[name])
    results = list(check_codec(read_codec(DEFINITIONS, name)))
    assert len(results) > 10
    assert [f"{check.name}: {check.detail}" for check in results if not check.passed] == []


def test_in_process_codecs_are_never_skipped() -> None:
    native = {name for name in CODECS if read_codec(DEFINITIONS, name).adapter == "python"}
    assert len(native) >= 7
    assert {name: CODECS[name] for name in native if CODECS[name]} == {}


@pytest.mark.parametrize("kind", ["codecs", "datasets", "metrics"])
def test_definitions_are_valid_and_attributed(kind: str) -> None:
    for name in DEFINITIONS.ids(kind):
        definition = DEFINITIONS.read(kind, name)
        assert definition["licence"], name
        assert len(definition["label"]) < 121, name
