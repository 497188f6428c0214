"""The state of a training on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.learning.resume import TrainState

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state() -> TrainState:
    return TrainState(
        "abc",
        network={"weight": torch.arange(12.0).reshape(3, 4)},
        history=[{"loss": 1.0}],
        best=[0.5, -1.0],
        notes=["a note"],
    )


def test_it_comes_back_for_the_same_recipe_and_data_alone(
    state: TrainState, tmp_path: Path
) -> None:
    path = tmp_path / "state.pt"
    state.save(path)
    again = TrainState.load(path, "abc")
    assert torch.equal(again.network["weight"], state.network["weight"])
    assert (again.history, again.best) == (state.history, state.best)
    with pytest.raises(InputError, match="have changed"):
        TrainState.load(path, "abd")


def test_whatever_byte_is_wrong_nothing_else_comes_back(
    state: TrainState, tmp_path: Path
) -> None:
    """One sentence and no traceback; never other weights without a word."""
    path = tmp_path / "state.pt"
    state.save(path)
    whole = path.read_bytes()
    n_told = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ 0x86]) + whole[place + 1 :]
        )
        try:
            found = TrainState.load(path, "abc")
        except DamagedFileError:
            n_told += 1
        else:  # what fills the file up, or is written down twice
            assert torch.equal(found.network["weight"], state.network["weight"])
            assert (found.history, found.best) == (state.history, state.best)
            assert found.notes == state.notes
    assert n_told > len(whole) / 7 / 2
    for size in (0, 1, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedFileError, match="start anew"):
            TrainState.load(path, "abc")
