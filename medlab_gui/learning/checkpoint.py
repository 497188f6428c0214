"""Checkpoint files: weights that say what they are, and can do no harm.

A checkpoint is a safetensors file: eight bytes with the length of a JSON header, the
header, and the bare numbers. Our description is JSON under the header's metadata key
``medlab``. Files written by ``torch.save`` are read with ``weights_only=True``; a
pickle that asks for anything but tensors is refused before it can run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import CheckpointError, SpecError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import (
    NetworkSpec,
    PipelineSpec,
    Resize,
    Sampling,
    checked_sampling,
)
from medlab_gui.core.whole_files import write_whole
from medlab_gui.learning.weight_files import (
    NotWeightsError,
    damaged,
    is_pickle,
    load_pickle,
    load_tensors,
    read_header,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CheckpointMeta", "load_checkpoint", "read_meta", "save_checkpoint"]

FORMAT = 2
"""What we write; files that an older MedLab can use as well say 1."""
_KEY = "medlab"
_WHAT_IS_READ = "MedLab reads the .safetensors files that `medlab train` writes."


@dataclass(frozen=True, kw_only=True)
class CheckpointMeta:
    """All that is needed to use weights, and to judge them.

    Parameters
    ----------
    network : NetworkSpec
        What to build.
    pipeline : PipelineSpec
        What it must be shown.
    inplane_mm : float or None
        Pixel size in mm that it works at; None for each scan's own.
    scheme : LabelScheme
        What it predicts; has as many classes as the network.
    metrics : dict
        Scores written down when it was made.
    epoch : int
        Epochs behind it.
    name : str
        What a person reads.
    card : dict
        What it was trained on and may be used for; see `learning.card`.
    resize : Resize or None
        How many pixels each slice gets, instead of pixels of a size.
    """

    network: NetworkSpec
    pipeline: PipelineSpec
    inplane_mm: float | None
    scheme: LabelScheme
    metrics: dict[str, Any] = field(default_factory=dict)
    epoch: int = 0
    name: str = "unnamed"
    card: dict[str, Any] = field(default_factory=dict)
    resize: Resize | None = None

    def __post_init__(self) -> None:
        if self.network.n_classes != self.scheme.n_classes:
            msg = (
                f"The network predicts {self.network.n_classes} classes but the scheme "
                f"{self.scheme.name!r} has {self.scheme.n_classes} with background."
            )
            raise SpecError(msg)
        if self.inplane_mm is not None and not 0.05 <= self.inplane_mm <= 50:
            msg = f"A pixel size of {self.inplane_mm} mm is not sensible (0.05 to 50)."
            raise SpecError(msg)
        checked_sampling(self.inplane_mm, self.resize)

    @property
    def sampling(self) -> Sampling:
        """Which pixels the network works on."""
        return checked_sampling(self.inplane_mm, self.resize)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        # An older MedLab would show the network slices of another size, unasked.
        resized = {} if self.resize is None else {"resize": self.resize.to_dict()}
        return {
            "format": FORMAT if resized else 1,
            "network": self.network.to_dict(),
            "pipeline": self.pipeline.to_dict(),
            "inplane_mm": self.inplane_mm,
            "scheme": self.scheme.to_dict(),
            "metrics": self.metrics,
            "epoch": self.epoch,
            "name": self.name,
            "card": self.card,
            **resized,
        }

    @classmethod
    def from_dict(cls, data: Any) -> CheckpointMeta:
        """Rebuild what `to_dict` returned.

        Raises
        ------
        SpecError
            If something is missing or wrong, or a newer MedLab wrote it.
        """
        try:
            if int(data["format"]) > FORMAT:
                msg = "It was written by a newer MedLab; please update."
                raise SpecError(msg)
            inplane_mm, resize = data["inplane_mm"], data.get("resize")
            return cls(
                network=NetworkSpec.from_dict(data["network"]),
                pipeline=PipelineSpec.from_dict(data["pipeline"]),
                inplane_mm=None if inplane_mm is None else float(inplane_mm),
                scheme=LabelScheme.from_dict(data["scheme"]),
                metrics=dict(data["metrics"]),
                epoch=int(data["epoch"]),
                name=str(data["name"]),
                card=dict(data["card"]),
                resize=None if resize is None else Resize.from_dict(resize),
            )
        except (KeyError, TypeError, ValueError) as error:
            msg = f"Its description is wrong or incomplete ({error!r})."
            raise SpecError(msg) from error


def save_checkpoint(
    path: Path, state_dict: dict[str, Tensor], meta: CheckpointMeta
) -> None:
    """Write a checkpoint; the file is there completely or not at all.

    Parameters
    ----------
    path : Path
        Where to, by custom with the suffix ``.safetensors``.
    state_dict : dict of str to Tensor
        Of the network that ``meta`` describes, on any device.
    meta : CheckpointMeta
        Its description.

    Raises
    ------
    StorageFullError
        If there is no room or no right to write there.
    """
    from safetensors.torch import save

    tensors = {k: t.detach().cpu().contiguous() for k, t in state_dict.items()}
    content = save(tensors, metadata={_KEY: json.dumps(meta.to_dict())})
    write_whole(path, content)


def read_meta(path: str | Path) -> CheckpointMeta:
    """Return a checkpoint's description without loading its weights, nor torch.

    Parameters
    ----------
    path : str or Path
        A ``.safetensors`` file of ours. (A ``.pt`` file of ours is read too, and
        needs torch for it.)

    Raises
    ------
    CheckpointError
        If there is no such file, it is not a checkpoint of ours, it is damaged, or
        its description is wrong.
    """
    path = Path(path)
    if is_pickle(path):
        return _read_pickle(path)[0]
    return _read_header(path)


def load_checkpoint(path: str | Path) -> tuple[CheckpointMeta, dict[str, Tensor]]:
    """Return a checkpoint's description and its weights, checked against each other.

    Parameters
    ----------
    path : str or Path
        A ``.safetensors`` file of ours, or a ``.pt`` file with a dict of ``"medlab"``
        (the JSON text of `CheckpointMeta.to_dict`) and ``"state_dict"``.

    Returns
    -------
    meta : CheckpointMeta
        The description.
    state_dict : dict of str to Tensor
        On the CPU; fits the network that ``meta`` names, and all numbers are finite.

    Raises
    ------
    CheckpointError
        As `read_meta`; or if the network is unknown or the weights do not fit it.
    """
    path = Path(path)
    if is_pickle(path):
        meta, state_dict = _read_pickle(path)
    else:
        meta = _read_header(path)
        state_dict = load_tensors(path)
    _check_fit(path, meta, state_dict)
    return meta, state_dict


def _not_ours(path: Path, found: str) -> CheckpointError:
    msg = f"{path.name} is not a checkpoint of MedLab: {found}. {_WHAT_IS_READ}"
    return CheckpointError(msg, path=path)


def _read_header(path: Path) -> CheckpointMeta:
    try:
        about = read_header(path).metadata.get(_KEY)
    except NotWeightsError as error:
        raise _not_ours(path, str(error)) from error
    if about is None:
        raise _not_ours(path, "it holds weights, but nothing says of which network")
    return _parse(path, about)


def _parse(path: Path, about: Any) -> CheckpointMeta:
    try:
        return CheckpointMeta.from_dict(json.loads(about))
    except SpecError as error:
        msg = f"The checkpoint {path.name} cannot be used. {error.message}"
        raise CheckpointError(msg, path=path) from error
    except (ValueError, TypeError) as error:
        raise damaged(path) from error


def _read_pickle(path: Path) -> tuple[CheckpointMeta, dict[str, Tensor]]:
    import torch

    try:
        content = load_pickle(path, _WHAT_IS_READ)
    except NotWeightsError as error:
        raise _not_ours(path, str(error)) from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise _not_ours(path, "it has no part named state_dict")
    state_dict = content["state_dict"]
    if _KEY not in content:
        raise _not_ours(path, "it holds weights, but nothing says of which network")
    if not isinstance(state_dict, dict) or not all(
        isinstance(t, torch.Tensor) for t in state_dict.values()
    ):
        raise _not_ours(path, "its state_dict holds more than tensors")
    return _parse(path, content[_KEY]), state_dict


def _check_fit(path: Path, meta: CheckpointMeta, state_dict: dict[str, Tensor]) -> None:
    from medlab_gui.networks import build_any
    from medlab_gui.networks.base import on_meta

    try:
        expected = on_meta(lambda: build_any(meta.network)).state_dict()
    except SpecError as error:
        msg = f"The checkpoint {path.name} cannot be used. {error.message}"
        raise CheckpointError(msg, path=path) from error
    wrong = sorted(
        name
        for name in expected.keys() | state_dict.keys()
        if name not in expected
        or name not in state_dict
        or expected[name].shape != state_dict[name].shape
        or expected[name].is_floating_point() != state_dict[name].is_floating_point()
    )
    if wrong:
        msg = (
            f"The weights in {path.name} do not fit the network {meta.network.name!r} "
            f"that it names: {len(wrong)} of them differ, the first is {wrong[0]}."
        )
        raise CheckpointError(msg, path=path)
    if not all(bool(t.isfinite().all()) for t in state_dict.values()):
        msg = (
            f"The checkpoint {path.name} holds weights that are not numbers; train it "
            "again, with a lower learning rate."
        )
        raise CheckpointError(msg, path=path)
