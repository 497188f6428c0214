import json

import pytest

from medlab_gui.core.errors import InputError, SpecError, StorageFullError
from medlab_gui.core.presets import (
    SHIPPED_PRESETS,
    delete_preset,
    export_preset,
    import_preset,
    parse_pipeline,
    pipeline_presets,
    preset_folder,
    read_pipeline,
    save_preset,
)
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step

BRAIN = PipelineSpec(
    (Step("window", {"level": 40.0, "width": 80.0}), Step("tv", {}, enabled=False))
)


def test_the_papers_chain_comes_with_medlab():
    assert pipeline_presets() == SHIPPED_PRESETS
    assert LIVER_PIPELINE in SHIPPED_PRESETS.values()
    assert not preset_folder().exists()


def test_what_is_saved_is_found_again_and_replaced_and_deleted():
    save_preset("Brain", BRAIN)
    save_preset(" abdomen ", LIVER_PIPELINE)
    names = list(pipeline_presets())
    assert names == [*SHIPPED_PRESETS, "abdomen", "Brain"]
    assert pipeline_presets()["Brain"] == BRAIN
    save_preset("Brain", LIVER_PIPELINE)
    assert pipeline_presets()["Brain"] == LIVER_PIPELINE
    assert len(list(preset_folder().iterdir())) == 2
    delete_preset("Brain")
    assert "Brain" not in pipeline_presets()
    with pytest.raises(InputError, match="no recipe 'Brain'"):
        delete_preset("Brain")


@pytest.mark.parametrize("name", ["肝臓", "a/b\\..", "CON", "x" * 80, "-", "Ünïcode é"])
def test_any_name_is_kept_and_stays_in_the_folder(name):
    save_preset(name, BRAIN)
    assert pipeline_presets()[name] == BRAIN
    (file,) = preset_folder().iterdir()
    assert file.name.isascii()
    assert len(file.name) < 70


def test_names_that_differ_by_case_or_script_do_not_meet():
    for n, name in enumerate(["brain", "Brain", "脳", "肝"]):
        save_preset(name, PipelineSpec((Step("tv", {"weight": n / 10}),)))
    weights = [pipeline_presets()[n].steps[0].params["weight"] for n in ("brain", "脳")]
    assert weights == [0.0, 0.2]
    assert len({f.name.lower() for f in preset_folder().iterdir()}) == 4


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 81, "\ud800"])
def test_a_name_that_cannot_be_shown_is_refused(name):
    with pytest.raises(InputError, match="recipe"):
        save_preset(name, BRAIN)
    assert not preset_folder().exists()


def test_shipped_presets_stay_as_they_are():
    name = next(iter(SHIPPED_PRESETS))
    with pytest.raises(InputError, match="comes with MedLab"):
        save_preset(name, BRAIN)
    with pytest.raises(InputError, match="comes with MedLab"):
        delete_preset(name)


def test_out_and_in_again(tmp_path):
    save_preset("Gehirn ü", BRAIN)
    file = tmp_path / "out.json"
    export_preset("Gehirn ü", file)
    assert read_pipeline(file) == BRAIN
    assert import_preset(file) == "Gehirn ü"  # the same: nothing is added
    delete_preset("Gehirn ü")
    assert import_preset(file) == "Gehirn ü"
    assert pipeline_presets()["Gehirn ü"] == BRAIN
    with pytest.raises(InputError, match="no recipe 'none'"):
        export_preset("none", file)


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    file = tmp_path / "Liver paper.json"
    file.write_text(json.dumps({"steps": [{"name": "tv"}]}))
    assert import_preset(file) == "Liver paper (2)"
    file.write_text(json.dumps({"steps": [{"name": "window"}]}))
    assert import_preset(file) == "Liver paper (3)"
    assert import_preset(file) == "Liver paper (3)"
    assert pipeline_presets()["Liver paper"] == LIVER_PIPELINE


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x00\x01DICM", "is not JSON"),
        (b"[1, 2]", "expected a JSON object"),
        (b'{"a": 1}', '"steps"'),
        (b'{"steps": 5}', "steps"),
        (b'{"steps": [7]}', "JSON object"),
        (b'{"steps": [{"name": 7}]}', "must be text"),
        (b'{"steps": [{"name": "tv", "params": [1]}]}', "must be an object"),
        (b'{"steps": [{"name": "tv", "enabled": "no"}]}', "true or false"),
        (b'{"steps": [{"nam": "tv"}]}', "does not know nam"),
        (b'{"steps": [{}]}', "step of the recipe is wrong"),
        (b'{"steps": [], "stop": 1}', "does not know stop"),
        (b'{"steps": [], "name": ["x"]}', "needs a name"),
        (b'{"steps": [], "medlab_pipeline": 9}', "update MedLab"),
        (b"[" * 100_000, "is not JSON"),
        (b" " * 1_000_001 + b'{"steps": []}', "too large"),
    ],
)
def test_a_file_that_is_no_pipeline_is_named(tmp_path, content, says):
    file = tmp_path / "wrong.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"wrong\.json") as caught:
        import_preset(file)
    assert says in caught.value.message
    assert not preset_folder().exists()


def test_no_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_pipeline(path)


def test_a_broken_file_among_the_presets_is_reported_and_left_out(caplog):
    save_preset("Brain", BRAIN)
    (preset_folder() / "broken.json").write_text("{")
    assert list(pipeline_presets()) == [*SHIPPED_PRESETS, "Brain"]
    assert "broken.json" in caplog.text


def test_a_preset_of_a_newer_medlab_is_not_replaced():
    """It is not listed here, and would be lost for the MedLab that made it."""
    save_preset("Ours", LIVER_PIPELINE)
    (file,) = preset_folder().glob("*.json")
    newer = file.read_text("utf-8").replace(
        '"medlab_pipeline": 1', '"medlab_pipeline": 2'
    )
    file.write_text(newer, "utf-8")
    assert "Ours" not in pipeline_presets()
    with pytest.raises(InputError, match=r"'Ours' already.*update MedLab"):
        save_preset("Ours", PipelineSpec())
    assert file.read_text("utf-8") == newer
    save_preset("Ours, too", PipelineSpec())
    assert "Ours, too" in pipeline_presets()


def test_a_file_that_was_copied_there_counts(tmp_path):
    save_preset("Brain", BRAIN)
    (own,) = preset_folder().iterdir()
    copy = own.with_name("by-hand.json")
    own.rename(copy)
    assert pipeline_presets()["Brain"] == BRAIN
    save_preset("Brain", LIVER_PIPELINE)
    assert [f.name for f in preset_folder().iterdir()] == ["by-hand.json"]
    delete_preset("Brain")
    assert not list(preset_folder().iterdir())


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("MEDLAB_CONFIG", str(blocked / "settings.json"))
    with pytest.raises(StorageFullError):
        save_preset("Brain", BRAIN)


def test_steps_are_read_from_text():
    assert parse_pipeline(json.dumps(BRAIN.to_dict())) == BRAIN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"steps": [', "not JSON"),
        ("{}", 'the entry "steps"'),
        ("[1]", "no preprocessing recipe"),
        ('{"steps": 3}', "must be a list"),
        ('{"steps": [], "more": 1}', "more"),
    ],
)
def test_text_that_is_no_pipeline(text, said):
    with pytest.raises(SpecError, match=said):
        parse_pipeline(text)
