"""What series of a project are called in reports."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from medlab_gui.commands.series_titles import said_by_title, series_titles
from medlab_gui.core.errors import InputError
from medlab_gui.core.records import Study

STUDIES = (
    Study("s1", "0123456789ab", "2026-01-02"),
    Study("s2", "0123456789ab", "2026-03-04"),
    Study("s3", "ba9876543210"),
)


def store_of(*series):
    """Return what knows series: uid, study, description, maybe "apart"."""
    found = {
        uid: SimpleNamespace(
            uid=uid,
            study_uid=study,
            description=description,
            modality="MR",
            are_apart=bool(apart),
        )
        for uid, study, description, *apart in series
    }
    return SimpleNamespace(
        studies=lambda: STUDIES,
        series=found.__getitem__,
        series_list=lambda: list(found.values()),
    )


def titles(*series):
    """Return the titles of series."""
    store = store_of(*series)
    uids = [one.uid for one in store.series_list()]
    # As slices name them: each series more than once.
    return list(series_titles(store, [*uids, *uids]).values())


def test_description_and_patient_are_enough_where_they_differ():
    assert titles(("1.2.3", "s1", "T2  FLAIR\n"), ("1.2.4", "s3", "")) == [
        "T2 FLAIR (patient 01234567)",
        "MR series (patient ba987654)",
    ]


def test_the_same_name_gets_the_date_then_the_end_of_the_uid():
    assert titles(
        ("1.2.3", "s1", "T1"),
        ("1.2.4", "s2", "T1"),
        ("1.2.5", "s3", "T1"),
    ) == [
        "T1 of 2026-01-02 (patient 01234567)",
        "T1 of 2026-03-04 (patient 01234567)",
        "T1 (patient ba987654)",
    ]
    assert titles(("1.2.111113", "s1", "T1"), ("1.2.111114", "s1", "T1")) == [
        "T1 of 2026-01-02 …111113 (patient 01234567)",
        "T1 of 2026-01-02 …111114 (patient 01234567)",
    ]
    both = titles(("1.2.3333333", "s3", "T1"), ("1.9.3333333", "s3", "T1"))
    assert both == [
        "T1 1.2.3333333 (patient ba987654)",
        "T1 1.9.3333333 (patient ba987654)",
    ]


def test_a_folder_of_different_people_is_no_patient():
    assert titles(("1.2.3", "s3", "glioma", "apart")) == ["glioma"]


def test_errors_call_series_as_people_do():
    store = store_of(("1.2.3", "s1", "T1"), ("1.2.33", "s3", "T2"))
    with pytest.raises(InputError) as raised, said_by_title(store):
        raise InputError("It went astray (slice 3 of 1.2.33, slice 4 of 1.2.3).")
    said = (
        "It went astray (slice 3 of T2 (patient ba987654), slice 4 of T1 (patient "
        "01234567))."
    )
    assert raised.value.message == str(raised.value) == said
