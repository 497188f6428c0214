"""What a project remembers: studies, series, annotations, scores, runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from medlab_gui.core.display import Display
from medlab_gui.core.remedies import APART, remedies_for

if TYPE_CHECKING:
    from medlab_gui.core.geometry import Grid, Reorientation
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.remedies import AppliedRemedy, Remedy
    from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Resize

__all__ = [
    "Annotation",
    "Checkpoint",
    "ItemState",
    "Problem",
    "Run",
    "RunState",
    "Score",
    "Series",
    "Severity",
    "Study",
    "WorkItem",
]


_SIDES_ASSUMED = frozenset(
    {"no-orientation", "direction-assumed", "sform-qform-differ"}
)


class Severity(StrEnum):
    """How much a problem matters."""

    NOTE = "note"
    WARNING = "warning"
    UNSAFE = "unsafe for measurement"
    NOT_A_VOLUME = "not a volume"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something odd about a file or a series.

    Parameters
    ----------
    code : str
        Stable name, e.g. ``"missing-slices"``.
    severity : Severity
        How much it matters.
    message : str
        A sentence that a clinician understands.
    files : tuple of str
        Names of the files it is about; empty where it is about all of them.
    """

    code: str
    severity: Severity
    message: str
    files: tuple[str, ...] = ()

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Ways out that may be asked for; empty where there is nothing to choose."""
        if self.code == "duplicate-slices" and self.severity is not Severity.UNSAFE:
            return ()  # copies of a file, which were left out already
        ways = remedies_for(self.code)
        if self.severity is Severity.NOT_A_VOLUME:
            # What is no volume as it is cannot be kept so.
            ways = tuple(r for r in ways if r.code != "keep-as-measured")
        return ways

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "files": list(self.files),
            "remedies": [r.to_dict() for r in self.remedies],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Problem:
        """Rebuild what `to_dict` returned; remedies follow from the code."""
        return cls(
            data["code"],
            Severity(data["severity"]),
            data["message"],
            tuple(data["files"]),
        )


@dataclass(frozen=True, slots=True)
class Study:
    """One visit of one patient.

    Parameters
    ----------
    uid : str
        DICOM Study Instance UID, or derived from the files.
    patient_key : str
        A pseudonym made from the patient's id; never a name.
    date : str or None
        ISO date of the study.
    description : str
        As in the file.
    """

    uid: str
    patient_key: str
    date: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A stack of slices in a project.

    Parameters
    ----------
    uid, study_uid : str
        Who it is and where it belongs.
    modality : str
        DICOM modality.
    units : str or None
        ``"HU"`` for CT; None for arbitrary units.
    grid : Grid
        The *working* grid: axial, nearest to S, P, L (``reorientation.grid``). Arrays
        of the project (volume, annotations, predictions) and slice indices are on it.
    description : str
        What a person reads in the list.
    source : str
        Path that it was imported from; may have gone since.
    reorientation : Reorientation
        From the file's own grid to ``grid``, so that masks go out as the scan came in.
    blob : str
        Content address of the voxels.
    problems : tuple of Problem
        What was odd about the files.
    window : tuple of float or None
        ``(level, width)`` that the file asks for.
    remedies : tuple of AppliedRemedy
        What was chosen about its geometry when it was taken in.
    display : Display
        How the files ask to be shown: window function, inverted, filling values.
    """

    uid: str
    study_uid: str
    modality: str
    units: str | None
    grid: Grid
    description: str
    source: str
    reorientation: Reorientation
    blob: str
    problems: tuple[Problem, ...] = ()
    window: tuple[float, float] | None = None
    remedies: tuple[AppliedRemedy, ...] = ()
    display: Display = field(default_factory=Display)

    @property
    def n_slices(self) -> int:
        """Number of slices on the working grid."""
        return self.grid.shape[0]

    @property
    def are_apart(self) -> bool:
        """Whether the slices are pictures of different patients, not neighbours."""
        return any(r.code == APART for r in self.remedies)

    @property
    def sides_assumed(self) -> bool:
        """Whether left and right may be swapped: the files leave them in doubt."""
        return any(
            p.code in _SIDES_ASSUMED and p.severity is Severity.UNSAFE
            for p in self.problems
        )

    def patient_of(self, patient_key: str, k: int) -> str:
        """Return whose a slice is, given the pseudonym of the study."""
        return f"{patient_key}/{k}" if self.are_apart else patient_key

    def not_measured(self, axis: int = 0) -> frozenset[int]:
        """Return slices of the working grid that a resampling had to fill.

        Parameters
        ----------
        axis : int
            Along which the slices are counted, 0 for axial ones. Those that the
            scanner left out lie along one axis; along the others there are none.
        """
        key = "not_measured"
        found = [r.details[key] for r in self.remedies if key in r.details]
        if not found or self.reorientation.axes[axis] != 0:
            return frozenset()
        last = self.grid.shape[axis] - 1
        turned = self.reorientation.flips[axis]
        return frozenset(last - k if turned else k for k in found[-1])

    @property
    def filling(self) -> tuple[float, float] | None:
        """Lowest and highest value that a resampling put where nothing was measured.

        None for series as measured. Filling values of the files (``display.padding``)
        lie within it, where both are.
        """
        resampled = any("not_measured" in r.details for r in self.remedies)
        return self.display.padding if resampled else None


@dataclass(frozen=True, slots=True)
class Annotation:
    """An immutable revision of a series' mask.

    Parameters
    ----------
    id : str
        Its own name.
    series_uid : str
        What it is a mask of.
    revision : int
        1, 2, ... within the series.
    author : str
        Who saved it.
    created : str
        ISO time in UTC.
    blob : str
        Content address of the mask.
    confirmed : tuple of int
        Slices that a person has looked at and vouches for.
    parent : str or None
        The revision it was made from.
    parent_prediction : str or None
        The prediction that was accepted into it, if any.
    scheme : LabelScheme
        What the values mean.
    """

    id: str
    series_uid: str
    revision: int
    author: str
    created: str
    blob: str
    confirmed: tuple[int, ...]
    scheme: LabelScheme
    parent: str | None = None
    parent_prediction: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How uncertain the model was about a slice.

    Parameters
    ----------
    series_uid : str
        The series.
    slice_index : int
        ``k`` on the series' working grid.
    checkpoint_id : str
        Whose uncertainty it is.
    method : str
        How it was reckoned, e.g. ``"entropy-band"``.
    value : float
        0 (certain) to 1.
    reason : str
        What a person reads, e.g. ``"border of Liver"``.
    """

    series_uid: str
    slice_index: int
    checkpoint_id: str
    method: str
    value: float
    reason: str = ""


class ItemState(StrEnum):
    """Where a slice stands in the queue."""

    QUEUED = "queued"
    OPEN = "open"
    CORRECTED = "corrected"
    ACCEPTED = "accepted"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A slice that wants a person.

    Parameters
    ----------
    id, series_uid : str
        Which, of what.
    slice_index : int
        ``k`` on the series' working grid.
    score : float
        The model's uncertainty about the slice as scored, 0 to 1.
    priority : float
        ``score`` after neighbours that were labelled have lowered it; ranks the queue.
    reason : str
        Why it is asked for.
    state : ItemState
        Where it stands.
    assignee : str or None
        Who has it open.
    version : int
        Optimistic lock: a change must name the version that it saw.
    """

    id: str
    series_uid: str
    slice_index: int
    score: float
    priority: float
    reason: str
    state: ItemState
    assignee: str | None = None
    version: int = 1


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A training that was started.

    Parameters
    ----------
    id : str
        Its own name; also its folder under the project's ``runs/``.
    kind : str
        ``"train"`` or ``"fine-tune"``.
    spec : dict
        The `TrainSpec` as plain data.
    state : RunState
        Where it stands.
    seed : int
        Of the training.
    code_version : str
        MedLab's version.
    started, finished : str or None
        ISO times in UTC.
    parent_checkpoint, checkpoint : str or None
        Where it began and what it made.
    comparison : dict
        Old and new on the locked validation set, and whether the new was adopted.
    message : str
        Why it failed or was cancelled.
    """

    id: str
    kind: str
    spec: dict[str, Any]
    state: RunState
    seed: int
    code_version: str
    started: str
    finished: str | None = None
    parent_checkpoint: str | None = None
    checkpoint: str | None = None
    comparison: dict[str, Any] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights in a project, with all that is needed to use them.

    Parameters
    ----------
    id : str
        Its own name.
    blob, sha256 : str
        Content address and checksum of the file.
    network : NetworkSpec
        What to build.
    pipeline : PipelineSpec
        What it must be shown.
    inplane_mm : float or None
        Pixel size that it works at.
    resize : Resize or None
        Number of pixels that it works at instead.
    scheme : LabelScheme
        What it predicts.
    metrics : dict
        Scores written down when it was made.
    epoch : int
        Epochs behind it.
    run_id, parent : str or None
        What made it, and from what.
    created : str
        ISO time in UTC.
    name : str
        What a person reads.
    """

    id: str
    blob: str
    sha256: str
    network: NetworkSpec
    pipeline: PipelineSpec
    inplane_mm: float | None
    scheme: LabelScheme
    metrics: dict[str, Any]
    epoch: int
    created: str
    name: str
    run_id: str | None = None
    parent: str | None = None
    resize: Resize | None = None
