"""The weights of the best epoch while a training goes on."""

from __future__ import annotations

import pytest

from medlab_gui.core.training import Phase
from medlab_gui.learning.checkpoint import load_checkpoint
from tests.learning.conftest import train_spec
from tests.learning.test_train import Stopped, run

BEST_GONE = "not in the run's folder any more"


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_best_weights_deleted_meanwhile_are_told_and_later_ones_kept(tmp_path, ema):
    """It was told at the end alone, and everything had to be trained again."""
    # After the first epoch hardly anything is learned: it stays the best.
    phases = (Phase("all", 1, 3e-2), Phase("all", 2, 1e-9))
    spec = train_spec(phases=phases, ema=ema, augment="none")

    def delete(done, total=0, message="", data=None):
        if data and data["dice"] is None and data["epoch"] == 2:
            (tmp_path / "best.safetensors").unlink(missing_ok=True)

    result = run(tmp_path, spec, progress=delete)
    (note,) = result.notes
    assert BEST_GONE in note
    assert "of epoch 1" in note
    assert result.metrics["best_epoch"] in (2, 3)
    assert load_checkpoint(result.checkpoint)[0].epoch == result.metrics["best_epoch"]


def test_best_weights_deleted_after_the_last_epoch_are_those_of_that(tmp_path):
    def stop(done, total=0, message="", data=None):
        if stopping:
            raise Stopped
        if data and data["dice"] is not None and data["epoch"] == 3:
            stopping.append(True)

    phases = (Phase("all", 1, 3e-2), Phase("all", 2, 1e-9))
    spec, stopping = train_spec(phases=phases, augment="none"), []
    whole = run(tmp_path / "whole", spec)
    with pytest.raises(Stopped):
        run(tmp_path / "s", spec, progress=stop)
    (tmp_path / "s" / "best.safetensors").unlink()
    result = run(tmp_path / "s", spec, resume=True)
    (note,) = result.notes
    assert BEST_GONE in note
    assert "the last epoch, 3" in note
    assert result.history == whole.history
    assert result.metrics["best_epoch"] == 3
    assert load_checkpoint(result.checkpoint)[0].epoch == 3
