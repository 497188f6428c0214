"""``medlab save``, ``annotate``, ``lock``: masks that count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Telling, param
from medlab_gui.commands.inputs import read_labels
from medlab_gui.commands.values import (
    as_path,
    counted,
    parse_class_map,
    parse_slices,
    slice_text,
)
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_
from medlab_gui.core.spec_checks import nearest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "ANNOTATE",
    "LOCK",
    "SAVE",
    "AnnotateParams",
    "LockParams",
    "SaveParams",
    "text_save",
]


@dataclass(frozen=True)
class SaveParams:
    """Whose edits to save."""

    series: str = param("UID of the series.", kind="series", positional=True)


def run_save(params: SaveParams, ctx: Context) -> dict[str, Any]:
    """Fold the strokes since the last revision into a new one."""
    from medlab_gui.store.fold import fold_journal

    with ctx.store() as store:
        made = fold_journal(store, params.series, ctx.settings.author_name)
        latest = made or store.latest_annotation(params.series)
        return {
            "series_uid": params.series,
            "description": store.series(params.series).description,
            "annotation": latest.id if latest else None,
            "revision": latest.revision if latest else 0,
            "saved": made is not None,
        }


def text_save(result: dict[str, Any]) -> str:
    """Say it in words."""
    if not result["saved"]:
        return "There was nothing new to save."
    # By name: another series may be open by now.
    name = f"“{result['description']}” is saved" if result["description"] else "Saved"
    return f"{name} as version {result['revision']}."


SAVE = Command(
    verb="save",
    title=N_("Save mask"),
    help=N_("Save the mask, with every stroke up to now, as a new version."),
    params=SaveParams,
    run=run_save,
    text=text_save,
    menu="medlab/annotate/1_save",
    shortcut="Ctrl+S",
    when="series_stored",
    details=N_(
        "Every finished stroke is on the disk already; saved versions are what "
        "fine-tuning goes by. They are never changed or removed."
    ),
    examples=("medlab save 1.2.840.1 --project liver",),
)


@dataclass(frozen=True)
class AnnotateParams:
    """Which mask, for which series, and what it means."""

    series: str = param("UID of the series.", kind="series", positional=True)
    mask: str = param(
        "File with the mask, on the grid of the scan in any axis order.",
        "",
        kind="open_file",
    )
    map: str = param(
        "Values in the file and the classes they become, e.g. 5=1,1=2; "
        "values not named become background; * is all of them, e.g. 5=1,*=255 where "
        "they shall not count.",
        "",
        title="Translate values",
    )
    slices: str = param(
        "Slices to take as right, as the window numbers them (1 is nearest "
        "the feet), e.g. 3-7,12.",
        "all",
    )
    author: str = param("Who drew it; your own name where empty.", "")
    shows: str = param(
        "Instead of a mask: the class that these slices show as a whole, or none, for "
        "classifiers.",
        "",
        title="The whole slices show",
    )


def run_annotate(params: AnnotateParams, ctx: Context) -> dict[str, Any]:
    """Take slices of a mask file as labelled; the other slices stay as they are."""
    from medlab_gui.store.fold import current_mask

    class_map = parse_class_map(params.map)
    if bool(params.mask) == bool(params.shows):
        msg = (
            "Name either a file with the mask (--mask) or what whole slices show "
            "(--shows)."
        )
        raise InputError(msg)
    with ctx.store() as store, _unedited(store, params.series):
        series = store.series(params.series)
        scheme = store.scheme()
        wanted = parse_slices(params.slices, series.n_slices)
        unnamed: dict[int, int] = {}
        if params.shows:
            new = _whole_slices(params.shows, scheme, series.grid.shape)
        else:
            path, how = as_path(params.mask), series.reorientation
            new = read_labels(path, class_map, scheme, how, unnamed)
        locked = {s.slice_index for s in store.locked() if s.series_uid == series.uid}
        taken = [k for k in wanted if k not in locked]
        if not taken:
            msg = (
                "All these slices belong to the locked validation set; none was taken."
            )
            raise InputError(msg)
        mask, confirmed, seq = current_mask(store, series.uid)
        mask[taken] = new[taken]
        parent = store.latest_annotation(series.uid)
        made = store.add_annotation(
            series.uid,
            mask,
            scheme,
            confirmed=sorted({*(int(k) for k in confirmed.nonzero()[0]), *taken}),
            author=params.author or ctx.settings.author_name,
            journal_seq=seq,
            parent=parent.id if parent else None,
        )
        return {
            "series_uid": series.uid,
            "annotation": made.id,
            "revision": made.revision,
            "slices": taken,
            "background": sorted(unnamed),
        }


def _unedited(store: ProjectStore, uid: str) -> AbstractContextManager[None]:
    """Refuse while another window edits the series: its next stroke would be on top."""
    from medlab_gui.store.journal_lock import undisturbed

    return undisturbed(store.journal_path(store.series(uid).uid))


def _whole_slices(
    name: str, scheme: LabelScheme, shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return a mask (Z, Y, X) whose every voxel has the named class."""
    import numpy as np

    known = [answer.casefold() for answer in scheme.answers]
    if name.casefold() not in known:
        msg = (
            f"The project has no class {name!r}; slices show {', '.join(known)}."
            f"{nearest(name.casefold(), known)}"
        )
        raise InputError(msg)
    value = known.index(name.casefold())
    # One number's worth of memory: only what is taken from it is copied.
    return np.broadcast_to(np.uint8(value), shape)


def text_annotate(result: dict[str, Any]) -> str:
    """Say it in words."""
    said = f"Labelled: {slice_text(result['slices'])} (version {result['revision']})."
    if values := result["background"]:
        more = f" and {len(values) - 8} more" if len(values) > 8 else ""
        said += (
            f" The file also holds {', '.join(map(str, values[:8]))}{more}, which "
            "the translation does not name: they are background."
        )
    return said


ANNOTATE = Command(
    verb="annotate",
    title=N_("Import mask…"),
    help=N_("Take slices of a mask file as labelled truth."),
    params=AnnotateParams,
    run=run_annotate,
    text=text_annotate,
    told=Telling.NOTICE,
    menu="medlab/annotate/2_files",
    when="series_stored and not mask_dirty",
    details=N_(
        "The mask must lie on the voxels of the scan, in any order of its axes; "
        "nothing is interpolated. Saves a version in which the slices count as "
        "labelled by a person. Slices of the locked validation set stay as they are. "
        "With --shows every voxel of the slices gets the class: a classifier learns "
        "for each slice the class that most of its mask's voxels have."
    ),
    examples=(
        "medlab annotate 1.2.840.1 --mask organs.nii.gz --map 5=1,1=2 --slices 3-7",
        "medlab annotate 1.2.840.1 --shows Glioma --slices 3-7",
    ),
)


@dataclass(frozen=True)
class LockParams:
    """Which labelled slices judge the weights from now on."""

    series: str = param("UID of the series.", kind="series", positional=True)
    slices: str = param(
        "Labelled slices to lock, as the window numbers them, e.g. 3-7.",
    )


def run_lock(params: LockParams, ctx: Context) -> dict[str, Any]:
    """Pin slices and their present masks as the truth that judges weights."""
    with ctx.store() as store:
        series = store.series(params.series)
        wanted = parse_slices(params.slices, series.n_slices)
        annotation = store.latest_annotation(series.uid)
        confirmed = set(annotation.confirmed) if annotation else set()
        missing = [k for k in wanted if k not in confirmed]
        if annotation is None or missing:
            msg = (
                f"Only labelled slices can be locked; {slice_text(missing)} "
                "are not labelled yet."
            )
            raise InputError(msg)
        store.lock_slices(series.uid, wanted, annotation.id)
        return {
            "series_uid": series.uid,
            "locked": list(wanted),
            "n_locked": len(store.locked()),
        }


def text_lock(result: dict[str, Any]) -> str:
    """Say it in words."""
    return (
        f"Locked: {slice_text(result['locked'])}. "
        f"New weights are judged on {counted(result['n_locked'], 'locked slice')}."
    )


LOCK = Command(
    verb="lock",
    title=N_("Lock slices for validation…"),
    help=N_("Keep labelled slices out of training for good; they judge new weights."),
    params=LockParams,
    run=run_lock,
    text=text_lock,
    told=Telling.NOTICE,
    menu="medlab/model/3_judge",
    when="series_stored",
    details=N_(
        "Locked slices keep the mask that they have now as the truth; there is no "
        "unlocking, so that all weights of a project are judged alike."
    ),
    examples=("medlab lock 1.2.840.1 --slices 12-16 --project liver",),
)
