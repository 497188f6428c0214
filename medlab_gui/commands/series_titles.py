"""What series of a project are called in reports: in words, as in the window's list."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from medlab_gui.core.errors import MedlabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from medlab_gui.core.records import Series, Study
    from medlab_gui.store.project import ProjectStore

__all__ = ["said_by_title", "series_titles"]

_KEY = 8  # letters of a patient's pseudonym, as the window's list shows them
_TAIL = 6  # of a UID


def series_titles(store: ProjectStore, uids: Iterable[str]) -> dict[str, str]:
    """Return what each series is called; no two are called the same.

    A name is the description and the patient's pseudonym. Only series that would share
    it get the study's date as well, and if that does not tell them apart the end of
    their UID.

    Parameters
    ----------
    store : ProjectStore
        The project.
    uids : iterable of str
        The series; one may be named several times.
    """
    studies = {study.uid: study for study in store.studies()}
    series = [store.series(uid) for uid in dict.fromkeys(uids)]
    names = {one.uid: _names(one, studies[one.study_uid]) for one in series}
    titles = {uid: shortest for uid, (shortest, *_longer) in names.items()}
    for longer in (1, 2, 3):
        taken = Counter(titles.values())
        titles = {
            uid: names[uid][longer] if taken[title] > 1 else title
            for uid, title in titles.items()
        }
    return titles


def _names(series: Series, study: Study) -> tuple[str, str, str, str]:
    """Return what a series may be called, from the shortest to the one it has alone."""
    what = " ".join(series.description.split()) or f"{series.modality} series".strip()
    # Pictures of different people: the folder is no patient.
    whose = "" if series.are_apart else f" (patient {study.patient_key[:_KEY]})"
    when = f" of {study.date}" if study.date else ""
    return (
        f"{what}{whose}",
        f"{what}{when}{whose}",
        f"{what}{when} …{series.uid[-_TAIL:]}{whose}",
        f"{what}{when} {series.uid}{whose}",
    )


@contextmanager
def said_by_title(store: ProjectStore) -> Iterator[None]:
    """Let an error call series as people do, not by their UIDs.

    What learns knows series by their UIDs alone; a person sees those nowhere.

    Parameters
    ----------
    store : ProjectStore
        The project that the series are of.
    """
    try:
        yield
    except MedlabError as error:
        meant = [s.uid for s in store.series_list() if s.uid in error.message]
        titles = series_titles(store, meant)
        # One may begin as another does.
        for uid in sorted(meant, key=len, reverse=True):
            error.message = error.message.replace(uid, titles[uid])
        error.args = (error.message, *error.args[1:])
        raise
