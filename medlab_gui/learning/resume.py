"""Where a training stands, on disk, so that it can go on after a stop or a crash."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.core.whole_files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TrainState"]


_DAMAGE = (
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    LookupError,
    EOFError,
    pickle.PickleError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What torch and zipfile raise where bytes are not those that were written."""


@dataclass
class TrainState:
    """A training between two epochs.

    All randomness is drawn anew from the seed and the number of the epoch, so weights,
    optimiser and these few numbers are the whole state.

    Parameters
    ----------
    fingerprint : str
        Of the recipe and the data; see `capsule.joined_digest`.
    network : dict
        State of the network, or empty before the first epoch.
    optimiser : dict
        State of the optimiser, empty where the next epoch begins a phase.
    n_done : int
        Epochs that are done or skipped: the place in the plan.
    best : list of float
        Validation Dice and minus validation loss of the best epoch; empty before one.
    best_epoch : int
        Its number, from 1; 0 before the first.
    stale : int
        Epochs of this phase since the best one.
    history : list of dict
        What was measured after each epoch.
    n_steps : int
        Steps that are done.
    average : dict
        The moving average of the weights, where the recipe has one.
    plateau : list
        Fields of `schedule.Plateau`, empty where the next epoch begins a phase.
    room : list
        Batch, patch and device that memory left (`memory.Room`), empty at first.
    notes : list of str
        What a person should know of this training.
    """

    fingerprint: str
    network: dict[str, Any] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    n_done: int = 0
    best: list[float] = field(default_factory=list)
    best_epoch: int = 0
    stale: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    n_steps: int = 0
    average: dict[str, Any] = field(default_factory=dict)
    plateau: list[float] = field(default_factory=list)
    room: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write it; the old state stays until the new one is complete."""
        content = io.BytesIO()
        torch.save({f: getattr(self, f) for f in self.__dataclass_fields__}, content)
        write_whole(path, content.getvalue())

    @classmethod
    def load(cls, path: Path, expected: str) -> TrainState:
        """Read it back.

        Parameters
        ----------
        path : Path
            What `save` wrote.
        expected : str
            Fingerprint of the recipe and data that the training would go on with.

        Raises
        ------
        DamagedFileError
            If the file cannot be read.
        InputError
            If the recipe or the data are others than when the training began.
        """
        try:
            _check_sums(path)
            state = cls(**torch.load(path, map_location="cpu", weights_only=True))
        except _DAMAGE as error:
            msg = f"The state of the training in {path.parent} is damaged; start anew."
            raise DamagedFileError(msg, path=path) from error
        if state.fingerprint != expected:
            msg = (
                "The labelled slices or the recipe have changed since this training "
                "was stopped, so it cannot go on where it was; start a new one."
            )
            raise InputError(msg, path=path)
        return state


def _check_sums(path: Path) -> None:
    """Raise `zipfile.BadZipFile` where a checksum is wrong: torch compares none.

    Weights with a byte changed would else be learned on from without a word.
    """
    with zipfile.ZipFile(path) as archive:
        wrong = archive.testzip()
    if wrong is not None:
        msg = f"the checksum of {wrong} is wrong"
        raise zipfile.BadZipFile(msg)
