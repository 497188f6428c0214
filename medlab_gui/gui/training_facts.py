"""What a fine-tuning would learn from and be judged by (no widget)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.core.i18n import _, counted
from medlab_gui.gui.durations import in_words

if TYPE_CHECKING:
    from medlab_gui.core.specs import NetworkSpec
    from medlab_gui.core.training_presets import TrainingPreset
    from medlab_gui.learning.forecast import Pace
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "FEWEST_TO_CHOOSE",
    "LEAST_LABELLED",
    "TrainingFacts",
    "foretold",
    "gather",
]

FEWEST_TO_CHOOSE = 20
"""Of so many slices to learn from some choose the epoch (`commands.choosers`)."""

LEAST_LABELLED = 4
"""Without a locked validation set, fewer labelled slices cannot be shared out."""


@dataclass(frozen=True)
class TrainingFacts:
    """Labelled slices of a project, counted.

    Parameters
    ----------
    n_training, n_patients : int
        Slices that may be learned from, and how many patients they are of.
    n_locked, n_locked_patients : int
        Slices of the locked validation set, and how many patients they are of.
    network : NetworkSpec or None
        Network of the weights to start from.
    shape_yx : tuple of float
        Mean rows and columns of a slice as that network sees it.
    n_unlocked, n_unlocked_patients : int
        Labelled slices that are not locked, also of patients who judge, and how many
        patients they are of: a cross-validation learns from them.
    """

    n_training: int
    n_patients: int
    n_locked: int
    n_locked_patients: int
    network: NetworkSpec | None
    shape_yx: tuple[float, float]
    n_unlocked: int = 0
    n_unlocked_patients: int = 0

    @property
    def refusal(self) -> str:
        """Why fine-tuning cannot start, or nothing."""
        if self.n_training == 0:
            return _(
                "Nothing is labelled yet that could be learned from. Correct a slice, "
                "accept it (Enter), and come back."
            )
        if self.n_locked == 0 and self.n_training < LEAST_LABELLED:
            return counted(
                self.n_training,
                "Only 1 slice is labelled, and some must be set aside to judge the new "
                "weights. Label at least {least}, then come back.",
                "Only {n} slices are labelled, and some must be set aside to judge "
                "the new weights. Label at least {least}, then come back.",
            ).replace("{least}", str(LEAST_LABELLED))
        return ""

    def in_words(self, folds: int = 0) -> str:
        """Say what is learned from and what judges, in two sentences.

        Parameters
        ----------
        folds : int
            Of a cross-validation; 0: it is trained once.
        """
        if folds:
            return _(
                "Learns {k} times, each time from {slices} of {p} without one {k}th; "
                "the slices that are left out judge. Locked validation slices take no "
                "part."
            ).format(
                k=folds,
                slices=_labelled(self.n_unlocked),
                p=_patients(self.n_unlocked_patients),
            )
        return f"{self.learns_from} {self.judged_by}"

    @property
    def learns_from(self) -> str:
        """What is learned from, in a sentence."""
        return _(
            "Learns from at most {slices} of {p}: those next to slices that judge, or "
            "that look like one, are left out.{choose}"
        ).format(
            slices=_labelled(self.n_training),
            p=_patients(self.n_patients),
            choose=_(" Some of them choose the epoch instead.")
            if self.n_training >= FEWEST_TO_CHOOSE
            else "",
        )

    @property
    def judged_by(self) -> str:
        """What judges, in a sentence."""
        if self.n_locked == 0:
            return counted(
                max(1, round(self.n_training / 5)),
                "No validation slice is locked yet: about 1 of the labelled slices "
                "is locked now, and judges this and every later fine-tuning.",
                "No validation slice is locked yet: about {n} of the labelled slices "
                "are locked now, and judge this and every later fine-tuning.",
            )
        return counted(
            self.n_locked,
            "Judged by the 1 locked validation slice of {p}, which is never learned "
            "from.",
            "Judged by the {n} locked validation slices of {p}, which are never "
            "learned from.",
        ).replace("{p}", _patients(self.n_locked_patients))

    def shares(self, folds: int = 0) -> tuple[int, int]:
        """How many slices will be learned from (in each fold), and how many judge."""
        if folds:
            judges = max(1, round(self.n_unlocked / folds))
            return max(1, self.n_unlocked - judges), judges
        if self.n_locked:
            return self.n_training, self.n_locked
        judges = max(1, round(self.n_training / 5))
        return max(1, self.n_training - judges), judges


def _patients(n: int) -> str:
    return counted(n, "1 patient", "{n} patients")


def _labelled(n: int) -> str:
    return counted(n, "1 labelled slice", "{n} labelled slices")


def gather(
    store: ProjectStore, chosen: str = "", preset: TrainingPreset | None = None
) -> TrainingFacts:
    """Count what is labelled in a project; reads no voxels.

    Parameters
    ----------
    store : ProjectStore
        This thread's own connection.
    chosen : str
        Id of the checkpoint to start from; the weights in use where empty.
    preset : TrainingPreset, optional
        The recipe to be followed instead.
    """
    from medlab_gui.commands.sources import labelled_keys
    from medlab_gui.learning.dataset import SliceKey
    from medlab_gui.learning.folds import without_neighbours

    series = {s.uid: s for s in store.series_list()}
    patient = {s.uid: s.patient_key for s in store.studies()}
    locked = store.locked()
    judging = [SliceKey(s.series_uid, s.slice_index) for s in locked]

    def who(uid: str, k: int) -> str:
        return series[uid].patient_of(patient[series[uid].study_uid], k)

    # As `commands.splits` does: who judges does not teach, if anybody else can.
    judges = {who(s.series_uid, s.slice_index) for s in locked}
    labelled = unlocked = list(labelled_keys(store))
    others = [k for k in labelled if who(k.series_uid, k.slice_index) not in judges]
    labelled = others or without_neighbours(labelled, judging) or labelled
    current = store.checkpoint(chosen) if chosen else store.current_checkpoint()
    mm = current.inplane_mm if current is not None else None
    resize = current.resize if current is not None else None
    network = current.network if current is not None else None
    if preset is not None:
        spec = preset.for_scheme(store.scheme())
        network, mm, resize = spec.network, spec.inplane_mm, spec.resize
    shapes = []
    for uid in {k.series_uid for k in labelled}:
        if resize is not None:
            shapes.append((float(resize.pixels), float(resize.pixels)))
            continue
        grid = series[uid].grid
        (_z, rows, columns), (_dz, dy, dx) = grid.shape, grid.spacing
        shapes.append((rows * dy / mm, columns * dx / mm) if mm else (rows, columns))
    shape = (
        sum(s[0] for s in shapes) / max(1, len(shapes)),
        sum(s[1] for s in shapes) / max(1, len(shapes)),
    )
    return TrainingFacts(
        n_training=len(labelled),
        n_patients=len({who(k.series_uid, k.slice_index) for k in labelled}),
        n_locked=len(locked),
        n_locked_patients=len(judges),
        network=network,
        shape_yx=shape,
        n_unlocked=len(unlocked),
        n_unlocked_patients=len({who(k.series_uid, k.slice_index) for k in unlocked}),
    )


def foretold(pace: Pace, seconds: float, batch: int) -> str:
    """Return how long a training takes, and its memory, in words.

    Parameters
    ----------
    pace : Pace
        What was measured of this machine.
    seconds : float
        How long, by that.
    batch : int
        Slices that go through together.
    """
    where = _("graphics card") if pace.device == "cuda" else _("processor")
    words = _("About {time} on the {device} (measured just now, rough)").format(
        time=in_words(seconds), device=where
    )
    if pace.is_held_up:
        words += ". " + _(
            "Other programs keep it busy: while they do, about {n} times as long"
        ).format(n=f"{pace.waiting:.2g}")
    needed = pace.bytes_for(batch)
    if needed:
        words += ". " + _("Memory: about {need} of {free} GB free.").format(
            need=f"{needed / 1e9:.1f}", free=f"{pace.bytes_free / 1e9:.1f}"
        )
    if needed > pace.bytes_free:
        words += " " + _("Fewer slices will go through at once.")
    return words
