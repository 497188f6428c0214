"""Trainings in a project that are killed and resumed end as if they had not been."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.list_ import ListParams
from medlab_gui.commands.list_ import run as list_
from medlab_gui.commands.train import TrainParams, run
from medlab_gui.core.jobs import JobContext
from tests.commands.test_train import quick
from tests.learning.test_interrupted import Killed, Moments

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

NO_MATTER = {"created", "started", "finished", "id", "run", "checkpoint", "file"}
KINDS = {
    "fine-tuned": TrainParams(epochs_head=1, epochs_all=1),
    "from a preset": quick(),
    "folds": quick(folds=2),
}


def went(folder: Path, params: TrainParams, monkeypatch, end: str = "", nth: int = 1):
    """Train in a project until something is seen for the n-th time."""
    moments, n_seen = Moments(), 0

    def pass_by(what: str) -> None:
        nonlocal n_seen
        n_seen += what == end
        if what == end and n_seen == nth:
            raise Killed(what)

    moments.pass_by = pass_by
    job = JobContext(lambda p: moments.report(p.done, p.total, p.message, p.data))
    with monkeypatch.context() as watched:
        moments.watch(watched)
        try:
            return run(params, Context(str(folder), job=job))
        except Killed:
            return None


def plain(said: Any) -> Any:
    if isinstance(said, dict):
        return {k: plain(v) for k, v in said.items() if k not in NO_MATTER}
    return [plain(one) for one in said] if isinstance(said, list) else said


def left(folder: Path) -> tuple[str, dict[str, bytes]]:
    """Return what the project lists, without ids and times, and the run's files."""
    ctx = Context(str(folder))
    listed = list_(ListParams(), ctx)
    text = json.dumps(plain([listed["runs"], listed["checkpoints"]]), sort_keys=True)
    text = re.sub(r" \+ \d\d \w+ \d\d:\d\d", "", text)
    (one,) = listed["runs"]
    with ctx.store() as store:
        place = store.run_folder(one["id"])
    # Cards name the run; locks are of the process.
    kept = ("best.safetensors", "checkpoint.safetensors", "history.json", "judged.json")
    files = {
        str(p.relative_to(place)): p.read_bytes().replace(one["id"].encode(), b"run")
        for p in sorted(place.rglob("*"))
        if p.name in kept
    }
    return text, files


@pytest.fixture(scope="module")
def whole(original, tmp_path_factory):
    """What trainings leave that nobody ended; each is done once."""
    known: dict[str, Any] = {}

    def of(kind: str, monkeypatch) -> Any:
        if kind not in known:
            folder = tmp_path_factory.mktemp("whole") / "project"
            shutil.copytree(original.folder, folder)
            went(folder, KINDS[kind], monkeypatch)
            known[kind] = left(folder)
        return known[kind]

    return of


@pytest.mark.parametrize(
    ("kind", "end", "nth"),
    [
        ("fine-tuned", "step 1 of epoch 2", 1),
        ("fine-tuned", "after checkpoint.safetensors", 1),
        ("from a preset", "step 1 of epoch 1", 1),
        ("from a preset", "after judged.json", 1),
        ("folds", "step 1 of epoch 1", 2),
        ("folds", "before best.safetensors", 2),
        ("folds", "after capsule.json", 3),
        ("folds", "after checkpoint.md", 2),
    ],
)
def test_killed_and_resumed(kind, end, nth, whole, small_project, monkeypatch):
    folder = small_project.folder
    assert went(folder, KINDS[kind], monkeypatch, end, nth) is None
    (stopped,) = list_(ListParams(), Context(str(folder)))["runs"]
    assert stopped["state"] != "done"
    assert went(folder, TrainParams(resume=stopped["id"]), monkeypatch)
    assert left(folder) == whole(kind, monkeypatch)
