import json

import pytest

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import LIVER_PIPELINE, NetworkSpec, PipelineSpec, Step
from medlab_gui.core.training import Phase, TrainSpec

SPEC = TrainSpec(
    NetworkSpec("unet", n_classes=3, options={"width": 0.25}),
    phases=(Phase("head", 2, 1e-3, "head"), Phase("all", 5, 1e-4, ("enc", "dec"))),
    inplane_mm=1.5,
    seed=7,
)


def test_through_json_and_back():
    again = TrainSpec.from_dict(json.loads(SPEC.to_json()))
    assert again == SPEC
    pipeline = json.loads(json.dumps(LIVER_PIPELINE.to_dict()))
    assert PipelineSpec.from_dict(pipeline) == LIVER_PIPELINE
    off = PipelineSpec((Step("tv", {"weight": 0.3}, enabled=False),))
    assert PipelineSpec.from_dict(off.to_dict()) == off


def test_liver_pipeline_is_the_paper_s_chain():
    assert [s.name for s in LIVER_PIPELINE.steps] == ["window", "equalize", "tv"]
    assert LIVER_PIPELINE.steps[0].params == {"level": 40.0, "width": 400.0}


@pytest.mark.parametrize(
    ("cls", "data", "said"),
    [
        (PipelineSpec, [], "must be a JSON object"),
        (PipelineSpec, {"stages": []}, "does not know stages"),
        (
            PipelineSpec,
            {"steps": [{"name": "tv", "weight": 1}]},
            "does not know weight",
        ),
        (PipelineSpec, {"steps": [{"params": {}}]}, "wrong"),
        (NetworkSpec, {}, "A network of a recipe lacks name"),
        (NetworkSpec, {"name": "unet", "depth": 3}, "does not know depth"),
        (TrainSpec, {}, "A training recipe lacks network"),
        (TrainSpec, {"network": {"name": "unet"}, "epochs": 3}, "does not know epochs"),
    ],
)
def test_wrong_data_is_refused(cls, data, said):
    with pytest.raises(SpecError, match=said):
        cls.from_dict(data)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Phase("x", -1, 1e-3),
        lambda: Phase("x", 1, 0),
        lambda: Phase("x", 1, float("nan")),
        lambda: TrainSpec(NetworkSpec("unet"), batch=0),
        lambda: TrainSpec(NetworkSpec("unet"), phases=()),
    ],
)
def test_impossible_recipes(make):
    with pytest.raises(SpecError):
        make()
