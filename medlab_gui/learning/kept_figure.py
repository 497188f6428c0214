"""The liver paper's figure 4: truth, and what a network said while it learned."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import DamagedFileError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.learning.capsule import read_capsule
from medlab_gui.learning.evaluate import DiceCounts
from medlab_gui.learning.figures import picture_grid
from medlab_gui.learning.kept import KEPT, read_kept, series_names
from medlab_gui.learning.pictures import class_colour, overlays
from medlab_gui.learning.statistics import mean_known

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["kept_figure"]

_LONGEST = 40  # characters of a slice's name


def kept_figure(folder: Path, title: str = "") -> str:
    """Return kept predictions beside the truth as SVG: a slice a row, steps as columns.

    Below each prediction stands its mean DSC over the classes that the slice or the
    prediction shows, at the network's pixels.

    Parameters
    ----------
    folder : Path
        Of the run.
    title : str
        What stands above; what the run trained where empty.

    Returns
    -------
    str
        Empty where the run kept nothing, or has kept nothing yet.

    Raises
    ------
    DamagedFileError
        If the run's capsule or what it kept cannot be read.

    References
    ----------
    Duan et al., Journal of Graphics 2020, 41(1):100-107, figure 4.
    """
    truth, predicted = read_kept(folder)
    if not truth or not predicted:
        return ""
    spec, capsule = read_capsule(folder)
    scheme = LabelScheme.from_dict(capsule["scheme"])
    names = series_names(folder)
    slices = _slices(folder / KEPT / "slices.json", len(truth), names)
    rows = []
    for n, (image, labels) in enumerate(truth):
        said = [predicted[step][n] for step in predicted]
        drawn = overlays(
            # Of a slice between its neighbours the one in the middle is judged.
            image if image.ndim == 2 else image[len(image) // 2],
            [labels, *(_spread(one, labels) for one in said)],
            slices[n][1],
        )
        captions = ["", *(_caption(one, labels, scheme) for one in said)]
        rows.append((slices[n][0], list(zip(drawn, captions, strict=True))))
    return picture_grid(
        rows,
        ["truth", *(f"{k:,} iteration{'s' * (k != 1)}" for k in predicted)],
        title or f"{spec.network.name}: predictions while it learned",
        {c.name: class_colour(c.value) for c in scheme.classes},
    )


def _spread(said: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a mask to draw; a classifier's answer is no mask, and nothing is drawn."""
    return said if said.shape == labels.shape else np.zeros_like(labels)


def _caption(
    said: NDArray[np.uint8], labels: NDArray[np.uint8], scheme: LabelScheme
) -> str:
    if said.shape != labels.shape:
        names = {0: "nothing", **{c.value: c.name for c in scheme.classes}}
        return names.get(int(said.flat[0]), "")
    mean = mean_known(DiceCounts(scheme).add(said, labels).values())
    return "nothing to find" if mean is None else f"DSC {100 * mean:.1f} %"


def _slices(
    path: Path, n: int, names: Mapping[str, str]
) -> list[tuple[str, tuple[float, float]]]:
    """Return name and pixel size of each kept slice."""
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
        found = []
        for key in keys[:n]:
            # A recipe's scans are numbered, so that two may have one name.
            uid = str(key["series_uid"])
            # Names differ at their beginning, UIDs at their end.
            own = names.get(uid, "")
            own = own if len(own) <= _LONGEST else f"{own[: _LONGEST - 1]}…"
            uid = re.sub(r"^\d+:", "", uid)
            uid = own or (uid if len(uid) <= _LONGEST else f"…{uid[-12:]}")
            # Runs of before the size was written down had square pixels, mostly.
            dy, dx = key.get("pixel_mm", (1.0, 1.0))
            name = f"{uid}, slice {int(key['slice_index']) + 1}"
            found.append((name, (float(dy), float(dx))))
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} is damaged ({error})."
        raise DamagedFileError(msg, path=path) from error
    if len(found) < n:
        msg = f"{path} names {len(found)} slices, but {n} were kept."
        raise DamagedFileError(msg, path=path)
    return found
