# SPDX-License-Identifier: BSD-3-Clause
"""The workflow end to end: what is computed when, what survives a kill, what a user's mistake says."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from workflow_case import Case


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A case that was run once; tests of this module change it one after the other."""
    case = Case(tmp_path_factory.mktemp("case"))
    jobs = case.run()
    # Two codecs: four points and the WebP definition's; one chunk of pictures; a sheet each.
    assert jobs["dataset"] == 1
    assert jobs["encode"] == len({(row["codec"], row["point"]) for row in case.scores()})
    assert jobs["measure"] == 2
    return case


@pytest.mark.xdist_group("workflow")
class TestOnlyWhatIsNew:
    """Counted in jobs that Snakemake finished."""

    def test_second_run_does_nothing(self, finished: Case) -> None:
        assert finished.run() == Counter()

    def test_label_changes_pages_only(self, finished: Case) -> None:
        finished.define_codec("jpeg-one", label="another name")
        jobs = finished.run()
        assert jobs["encode"] == jobs["measure"] == 0
        assert jobs["page"] == 1
        assert "another name" in (finished.folder / "results/case/report/index.html").read_text()

    def test_new_point(self, finished: Case) -> None:
        finished.define_codec("jpeg-one", points="  q90: {quality: 90}\n")
        jobs = finished.run()
        assert (jobs["encode"], jobs["measure"]) == (1, 1)
        assert sum(row["point"] == "q90" for row in finished.scores()) == 3

    def test_new_codec(self, finished: Case) -> None:
        finished.define_codec("jpeg-two")
        finished.config["codecs"].append("jpeg-two")
        jobs = finished.run()
        assert (jobs["encode"], jobs["measure"]) == (4, 1)

    def test_new_metric(self, finished: Case) -> None:
        finished.config["metrics"].append("psnr_y_bt709")
        jobs = finished.run()
        assert jobs["encode"] == 0
        assert jobs["measure"] == 3
        assert all(float(row["psnr_y_bt709"]) > 10 for row in finished.scores())

    def test_deleted_dataset_is_made_again(self, finished: Case) -> None:
        """What advice about a damaged reference says to do."""
        shutil.rmtree(finished.folder / "results/datasets/folder")
        jobs = finished.run()
        assert (jobs["dataset"], jobs["encode"], jobs["measure"], jobs["page"]) == (1, 0, 0, 1)

    def test_new_picture(self, finished: Case) -> None:
        points = len({(row["codec"], row["point"]) for row in finished.scores()})
        finished.add_picture("0-first-in-order")
        jobs = finished.run()
        assert jobs["dataset"] == 1
        assert (jobs["encode"], jobs["measure"]) == (points, 3)
        records = finished.folder.glob("results/bitstreams/jpeg-one/folder/q20-*/*.json")
        sizes = sorted(len(json.loads(record.read_text())["images"]) for record in records)
        assert sizes == [1, 3]

    def test_fewer_metrics_and_back_compute_nothing(self, finished: Case) -> None:
        removed = finished.config["metrics"].pop()
        assert finished.run()["measure"] == 0
        finished.config["metrics"].append(removed)
        assert finished.run()["measure"] == 0


@pytest.mark.xdist_group("workflow-again")
def test_same_scores_after_kill(tmp_path: Path) -> None:
    """From clean, and killed half-way and started again, scores.csv is the same to the byte."""
    straight, killed = Case(tmp_path / "straight"), Case(tmp_path / "killed")
    straight.run()
    process = subprocess.Popen(
        killed.argv(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(killed.folder.glob("results/bitstreams/*/folder/*/*.json")):
        assert time.monotonic() < deadline, "no encode job finished"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed.folder / "results/case/tables/scores.csv").exists()
    killed.run()
    assert killed.table("scores") == straight.table("scores")
    assert len(straight.scores()) > 20


@pytest.mark.xdist_group("workflow-again")
class TestMistakes:
    """A user's mistake gives one clear line and no traceback, before anything is computed."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        return Case(tmp_path)

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"codex": ["jpeg"]}, "unknown key 'codex'; did you mean 'codecs'?"),
            ({"codecs": ["jpeg-one", "wepb"]}, "unknown codec 'wepb'; did you mean 'webp'?"),
            ({"anchor": "jpg-one"}, "the anchor 'jpg-one' is not among the codecs; did you mean 'jpeg-one'?"),
            ({"metrics": ["psnr_rbg"]}, "unknown metric 'psnr_rbg'; did you mean 'psnr_rgb'?"),
            ({"datasets": ["kodka"]}, "unknown dataset 'kodka'; did you mean 'kodak'?"),
            ({"datasets": [{"id": "folder", "path": "/no/such"}]}, "no such folder: /no/such"),
            ({"codecs": [{"id": "jpeg-one", "points": ["q21"]}]}, "no point 'q21'"),
            ({"datasets": [{"id": "sample", "images": ["rokcet"]}]}, "'rokcet'; did you mean 'rocket'?"),
            ({"datasets": ["sample", "clic2020-test"], "offline": True}, "2 of 2 files are missing"),
        ],
    )
    def test_configuration(self, case: Case, change: dict[str, object], expected: str) -> None:
        case.config.update(change)
        case.run(succeeds=False)
        assert expected in case.output
        assert "Traceback" not in case.output
        assert not (case.folder / "results").exists()

    def test_definition(self, case: Case) -> None:
        case.define_codec("jpeg-one", points="  q95: {qualty: 95}\n")
        case.run(succeeds=False)
        assert "did you mean 'quality'?" in case.output
        assert "Traceback" not in case.output

    def test_picture_that_only_the_archive_could_tell(self, case: Case) -> None:
        archive = case.folder / "set.zip"
        with zipfile.ZipFile(archive, "w") as made:
            made.write(case.folder / "pictures" / "a.png", "a.png")
        data = archive.read_bytes()
        member = {
            "file": archive.name,
            "url": "https://example.org/set.zip",
            "size_bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "members": "*.png",
            "count": 1,
        }
        definition = {
            **dict.fromkeys(("label", "description", "licence", "citation"), "none"),
            "id": "packed",
            "homepage": "https://example.org",
            "count": 1,
            "source": {"kind": "archives", "archives": [member]},
        }
        path = case.folder / "own" / "datasets" / "packed.yaml"
        path.parent.mkdir()
        path.write_text(json.dumps(definition))
        case.config["datasets"] = [{"id": "packed", "images": ["b"]}]
        case.config["mirrors"] = {"packed": [str(case.folder)]}
        jobs = case.run(succeeds=False)
        assert jobs == Counter(dataset=1)
        assert case.output.count("picobench: error: dataset packed: no picture 'b'; known: a\n") == 1
        assert "Traceback" not in case.output
        assert "Exception" not in case.output

    def test_unreadable_picture(self, case: Case) -> None:
        (case.folder / "pictures" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no picture")
        jobs = case.run(succeeds=False)
        assert "broken.png" in case.output
        assert "Traceback" not in case.output
        assert jobs["encode"] == 0
        assert not (case.folder / "results/datasets/folder/inventory.json").exists()


@pytest.mark.xdist_group("workflow-again")
def test_failure_is_a_recorded_fact(tmp_path: Path) -> None:
    """A codec that cannot take a picture costs that picture, in every table."""
    case = Case(tmp_path)
    case.define_codec("jpeg-one")
    wide = case.folder / "pictures" / "wide.png"
    from PIL import Image

    Image.new("RGB", (20000, 4), (90, 120, 40)).save(wide)  # wider than WebP can be
    case.run()
    rows = [row for row in case.scores() if row["image"] == "wide"]
    assert {row["status"] for row in rows if row["codec"] == "webp"} == {"failed"}
    assert {row["status"] for row in rows if row["codec"] == "jpeg-one"} == {"ok"}
    assert "encode" in case.table("failures")
    assert ",3,4," in case.table("rd")  # images_used, images_total
    page = (case.folder / "results/case/report/index.html").read_text()
    assert "3 of 4" in page
