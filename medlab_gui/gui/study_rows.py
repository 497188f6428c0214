"""What the study browser says about a series, wherever it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.core.i18n import _, counted
from medlab_gui.core.records import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.records import Problem, Series, Study
    from medlab_gui.io import FileSeries

__all__ = ["SeriesRow", "in_files", "in_project", "problem_text"]


def problem_text(problems: Iterable[Problem]) -> str:
    """Return one line for each problem that deserves a look."""
    return "\n".join(
        f"• {p.message}" for p in problems if p.severity is not Severity.NOTE
    )


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A line of the browser.

    Parameters
    ----------
    uid : str
        The series.
    patient, study, name : str
        What stands on the three levels of the tree.
    patient_key, study_uid : str
        What belongs together.
    facts : str
        Modality, number of slices and how many of them a person vouches for.
    problems : str
        One line for each problem; empty where there is none.
    blocked : str
        Why it cannot be opened as a volume; empty where it can.
    voxels : str
        Size of its voxels; empty where it has none.
    is_named : bool
        Whether ``patient`` is a name, not a pseudonym.
    found : FileSeries or None
        Where it lies in files.
    """

    uid: str
    patient: str
    study: str
    name: str
    patient_key: str
    study_uid: str
    facts: str
    problems: str
    blocked: str = ""
    voxels: str = ""
    is_named: bool = False
    found: FileSeries | None = None

    @property
    def why(self) -> str:
        """What is to be known before it is opened."""
        return f"• {self.blocked}" if self.blocked else self.problems

    def matches(self, words: Iterable[str]) -> bool:
        """Tell whether each word (in small letters) is somewhere in the line."""
        text = " ".join(
            (self.patient, self.patient_key, self.study, self.name, self.facts)
        ).casefold()
        return all(word in text for word in words)


def in_project(
    studies: Iterable[Study],
    series: Iterable[Series],
    labelled: Mapping[str, int],
    names: Mapping[str, str],
) -> tuple[SeriesRow, ...]:
    """Return the lines of a project.

    Parameters
    ----------
    studies, series : iterable
        Of the project, in its order.
    labelled : mapping of str to int
        Accepted slices by series.
    names : mapping of str to str
        Patients' names by pseudonym, as far as the open files tell them.
    """
    of_study: dict[str, list[Series]] = {}
    for one in series:
        of_study.setdefault(one.study_uid, []).append(one)
    rows = []
    for study in studies:
        for one in of_study.get(study.uid, ()):
            rows.append(
                SeriesRow(
                    uid=one.uid,
                    patient=_patient(study.patient_key, names),
                    study=_study(study.date, study.description),
                    name=one.description or _("Series without a description"),
                    patient_key=study.patient_key,
                    study_uid=study.uid,
                    facts=_labelled(one, labelled[one.uid])
                    or _facts(one.modality, _own_slices(one)),
                    problems=problem_text(one.problems),
                    voxels=_voxels(one.grid),
                    is_named=study.patient_key in names,
                )
            )
    return tuple(rows)


def in_files(
    found: Iterable[FileSeries], names: Mapping[str, str]
) -> tuple[SeriesRow, ...]:
    """Return the lines of what lies in files.

    Parameters
    ----------
    found : iterable of FileSeries
        As `io.scan` found them.
    names : mapping of str to str
        Patients' names by pseudonym.
    """
    rows = []
    nobody = _("Files that name no patient")
    for one in found:
        blocking = one.blocking
        # NIfTI and the like know no patient: each on a branch of its own is no order.
        who = one.format == "dicom"
        rows.append(
            SeriesRow(
                uid=one.uid,
                patient=_patient(one.patient_key, names) if who else nobody,
                study=_study(one.study_date, one.study_description),
                name=one.name,
                patient_key=one.patient_key if who else "",
                study_uid=one.study_uid if who else "",
                facts=_facts(one.modality, one.n_slices),
                problems=problem_text(one.problems),
                blocked=blocking.message if blocking is not None else "",
                voxels=_voxels(one.grid),
                is_named=one.patient_key in names,
                found=one,
            )
        )
    return tuple(rows)


def _patient(key: str, names: Mapping[str, str]) -> str:
    return names.get(key) or _("Patient {key}").format(key=key[:8])


def _study(date: str | None, description: str) -> str:
    text = "  ".join(t for t in (date, description) if t)
    return text or _("Study without a date")


def _own_slices(series: Series) -> int:
    """Return how many slices were taken, in whatever plane; as the files say it."""
    return series.reorientation.source.shape[0]


def _facts(modality: str, n_slices: int) -> str:
    size = counted(n_slices, "1 slice", "{n} slices")
    return " · ".join(t for t in (modality, size) if t)


def _labelled(series: Series, n: int) -> str:
    """Return how many slices are labelled, of those that one labels: axial ones."""
    if not n:
        return ""
    marked = _("{k}/{n} labelled").format(k=n, n=series.n_slices)
    return " · ".join(t for t in (series.modality, marked) if t)


def _voxels(grid: Grid | None) -> str:
    if grid is None:
        return ""
    dz, dy, dx = grid.spacing
    return _("voxels {dx:.3g} x {dy:.3g} x {dz:.3g} mm").format(dx=dx, dy=dy, dz=dz)
