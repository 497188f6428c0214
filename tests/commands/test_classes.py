from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.commands.classes import (
    ClassesParams,
    parse_classes,
    run,
    text,
)
from medlab_gui.commands.command import Context
from medlab_gui.core.errors import InputError, MedlabError, SpecError
from medlab_gui.core.labels import OKABE_ITO, LabelScheme
from medlab_gui.store.fold import current_mask, scheme_of
from medlab_gui.store.project import ProjectStore
from tests.gui.docks_phantom import label, make_project

if TYPE_CHECKING:
    from pathlib import Path

OLD = LabelScheme.from_names("Abdomen", ["Liver", "Spleen"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    make_project(folder, 2)
    return folder


def change(folder: Path, classes: str) -> dict:
    return run(ClassesParams(classes), Context(str(folder)))


def names(folder: Path) -> list[str]:
    with ProjectStore.open(folder) as store:
        return [c.name for c in store.scheme().classes]


def test_names_colours_and_what_is_kept():
    new = parse_classes("Liver ; Spleen,#0102ff;Tumour", OLD)
    assert [(c.value, c.name, c.color) for c in new.classes] == [
        (1, "Liver", OLD.classes[0].color),
        (2, "Spleen", (1, 2, 255)),
        (3, "Tumour", OKABE_ITO[2]),
    ]
    said = "; ".join(f"{c.name},#{bytes(c.color).hex()}" for c in new.classes)
    assert parse_classes(said, OLD) == new


def test_classes_that_nobody_named_together_are_called_what_they_are(tmp_path):
    """Weights of a mandible, and their card, were called "Liver and spleen"."""
    new = tmp_path / "new"
    ProjectStore.open(new, create=True).close()
    assert change(new, "Mandible")["name"] == "Mandible"
    assert change(new, "mandible,#010203")["name"] == "Mandible", "a colour alone"
    assert change(new, "Mandible; Canal")["name"] == "Mandible and Canal"
    many = change(new, ";".join(f"c{n}" for n in range(9)))
    assert many["name"] == "c0, c1, c2 and 6 more"
    old = LabelScheme.from_names("Head and neck", ["Mandible"])
    assert parse_classes("Mandible; Canal", old).name == "Head and neck"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (" ; ", "none is given"),
        ("Liver,red", "#rrggbb"),
        ("Liver,#12345", "#rrggbb"),
        ("Liver,Spleen", "semicolon"),
        ("Liver;liver", "same name"),
        (",#112233", "no name"),
        (";".join(f"c{n}" for n in range(300)), "254"),
    ],
)
def test_what_is_no_list_of_classes_is_named(given, word):
    with pytest.raises(SpecError, match=word):
        parse_classes(given, OLD)


def test_listing_changes_nothing(folder):
    result = change(folder, "")
    assert not result["changed"]
    assert text(result) == "   1  #e69f00  Liver\n   2  #56b4e9  Spleen"


def test_classes_are_added_from_text_and_from_the_file_that_it_shows(folder, tmp_path):
    change(folder, "Liver; Spleen; Tumour,#d55e00")
    assert names(folder) == ["Liver", "Spleen", "Tumour"]
    result = change(folder, "")
    file = tmp_path / "classes.json"
    result["classes"][2]["name"] = "Lesion"
    file.write_text(json.dumps(result))
    run(ClassesParams(file=str(file)), Context(str(folder)))
    assert names(folder) == ["Liver", "Spleen", "Lesion"]


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"name": "x", "classes": [{}]}', "no"]
)
def test_a_file_without_classes_is_named(folder, tmp_path, content):
    file = tmp_path / "classes.json"
    file.write_text(content)
    with pytest.raises(MedlabError) as error:
        run(ClassesParams(file=str(file)), Context(str(folder)))
    assert error.value.message.endswith((".", "missing or wrong."))
    assert names(folder) == ["Liver", "Spleen"]


def test_both_ways_at_once_are_refused(folder):
    with pytest.raises(InputError, match="not two"):
        run(ClassesParams("Liver", "x.json"), Context(str(folder)))


@pytest.mark.parametrize("classes", ["Liver", "Liver; Tumour", "Spleen; Liver"])
def test_a_class_with_voxels_stays_where_it_is(folder, classes):
    label(folder, "1.2.0.1", range(4, 12))
    with pytest.raises(InputError, match="voxels in Abdomen 1"):
        change(folder, classes)
    assert names(folder) == ["Liver", "Spleen"]


def test_a_stroke_that_no_revision_holds_counts_too(folder):
    with ProjectStore.open(folder) as store, store.open_journal("1.2.1.1") as journal:
        where = (slice(3, 4), slice(10, 12), slice(10, 12))
        before = np.zeros((1, 2, 2), np.uint8)
        journal.append_edit("brush", where, before, before + 2, author="test")
    with pytest.raises(InputError, match="The class Spleen has 4 voxels"):
        change(folder, "Liver")


def test_what_no_voxel_has_can_go_and_masks_learn_it(folder):
    with ProjectStore.open(folder) as store:
        mask = np.zeros((16, 96, 96), np.uint8)
        mask[3, 10:12, 10:12] = 1
        store.add_annotation(
            "1.2.0.1", mask, store.scheme(), confirmed=[3], author="test"
        )
    result = change(folder, "Liver; Tumour")
    assert result["changed"]
    with ProjectStore.open(folder) as store:
        latest = store.latest_annotation("1.2.0.1")
        assert [c.name for c in scheme_of(store, latest).classes] == ["Liver", "Tumour"]
        assert latest.confirmed == (3,)
        assert np.array_equal(current_mask(store, "1.2.0.1")[0], mask)


def test_colours_change_with_voxels_too(folder):
    label(folder, "1.2.0.1", range(4, 12))
    change(folder, "Liver,#ff0000; Spleen")
    with ProjectStore.open(folder) as store:
        latest = store.latest_annotation("1.2.0.1")
        assert scheme_of(store, latest).classes[0].color == (255, 0, 0)
        assert latest.revision == 1, "no revision for a colour"


def test_weights_that_know_other_classes_are_named(folder):
    from tests.gui.docks_phantom import add_weights

    add_weights(folder)
    assert change(folder, "Liver,#ff0000; Spleen")["message"] == ""
    assert "know Liver, Spleen only" in change(folder, "Liver; Spleen; X")["message"]


def test_a_class_gets_another_name_and_keeps_its_voxels(folder):
    label(folder, "1.2.0.1", range(4, 12))
    with ProjectStore.open(folder) as store:
        before = current_mask(store, "1.2.0.1")[0]
        confirmed = store.latest_annotation("1.2.0.1").confirmed
        colours = [c.color for c in store.scheme().classes]
    assert before.any()
    renaming = "liver = Parenchyma; Spleen=Milz"
    run(ClassesParams(rename=renaming), Context(str(folder)))
    assert names(folder) == ["Parenchyma", "Milz"]
    with ProjectStore.open(folder) as store:
        latest = store.latest_annotation("1.2.0.1")
        assert [c.name for c in latest.scheme.classes] == ["Parenchyma", "Milz"]
        assert [c.color for c in store.scheme().classes] == colours
        assert np.array_equal(current_mask(store, "1.2.0.1")[0], before)
        assert latest.confirmed == confirmed


@pytest.mark.parametrize(
    ("rename", "word"),
    [
        ("Kidney=Niere", "no class 'Kidney'"),
        ("Liver", "OLD=NEW"),
        ("Liver=", "OLD=NEW"),
        ("Liver=Spleen", "same name"),
        ("Liver=a,b", "comma"),
    ],
)
def test_what_is_no_renaming_is_named(folder, rename, word):
    with pytest.raises(MedlabError, match=word):
        run(ClassesParams(rename=rename), Context(str(folder)))
    assert names(folder) == ["Liver", "Spleen"]
