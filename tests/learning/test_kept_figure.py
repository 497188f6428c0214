"""The liver paper's figure 4: kept predictions beside the truth."""

from __future__ import annotations

import base64
import io
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from medlab_gui.core.errors import DamagedFileError
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.core.training import KEPT_FIGURE, Phase
from medlab_gui.learning.capsule import write_capsule
from medlab_gui.learning.dataset import PreparedSlices
from medlab_gui.learning.kept import keep_step, keep_truth, name_series, read_kept
from medlab_gui.learning.kept_figure import kept_figure
from medlab_gui.learning.train import train
from tests.learning.conftest import (
    SCHEME,
    WINDOW,
    disc_source,
    judge_source,
    train_spec,
)

SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> list[str]:
    return [t.text for t in ET.fromstring(svg).iter(f"{SVG}text")]


def pictures(svg: str) -> list[np.ndarray]:
    data = [
        i.get("href").partition(",")[2] for i in ET.fromstring(svg).iter(f"{SVG}image")
    ]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(d)))) for d in data]


@pytest.fixture
def run(tmp_path):
    """A run of two kept slices; after step 600 nothing is found, after 18,000 all."""
    slices = PreparedSlices(judge_source(), WINDOW, None, 3)
    keep_truth(tmp_path, slices, [0, 2])
    truth = [slices[n][1] for n in (0, 2)]
    keep_step(tmp_path, 600, [np.zeros_like(one) for one in truth])
    half = [np.where(one == 1, one, 0).astype(np.uint8) for one in truth]
    keep_step(tmp_path, 18000, half)
    write_capsule(tmp_path, train_spec(), {"scheme": SCHEME.to_dict()})
    return tmp_path


def test_truth_and_predictions_stand_side_by_side(run):
    svg = kept_figure(run)
    said = words(svg)
    assert said[:4] == [
        "unet: predictions while it learned",
        "truth",
        "600 iterations",
        "18,000 iterations",
    ]
    assert "judge, slice 1" in said
    assert "judge, slice 3" in said
    # One of two classes is met in full, the other not at all.
    assert said.count("DSC 0.0 %") == 2
    assert said.count("DSC 50.0 %") == 2
    assert {"Big", "Small"} <= set(said)
    # A recipe numbers its scans; that is nothing to a reader.
    names = run / "kept" / "slices.json"
    text = names.read_text(encoding="utf-8").replace('"judge"', '"6:judge.nii.gz"')
    names.write_text(text, encoding="utf-8")
    assert "judge.nii.gz, slice 3" in words(kept_figure(run))
    drawn = pictures(svg)
    assert len(drawn) == 2 * 3
    assert len({one.shape for one in drawn[:3]}) == 1
    orange, blue = [230, 159, 0], [86, 180, 233]
    inks = [
        tuple(ink in one.reshape(-1, 3).tolist() for ink in (orange, blue))
        for one in drawn[:3]
    ]
    assert inks == [(True, True), (False, False), (True, False)]
    assert words(kept_figure(run, "A <b>"))[0] == "A <b>"


def test_pixels_keep_their_proportions(tmp_path):
    source = judge_source()
    source.spacing = lambda _key: (4.0, 2.0)
    slices = PreparedSlices(source, WINDOW, None, 3)
    assert slices.pixel_mm(0) == (4.0, 2.0)
    assert PreparedSlices(source, WINDOW, 3.0, 3).pixel_mm(0) == (3.0, 3.0)
    keep_truth(tmp_path, slices, [0])
    keep_step(tmp_path, 1, [slices[0][1]])
    write_capsule(tmp_path, train_spec(), {"scheme": SCHEME.to_dict()})
    height, width = pictures(kept_figure(tmp_path))[0].shape[:2]
    assert height == pytest.approx(2 * width, rel=0.1)


def test_slices_are_called_as_people_call_them(run):
    name_series(run, {"judge": "T2 FLAIR (patient 0a1b2c3d)", "other": "x"})
    assert "T2 FLAIR (patient 0a1b2c3d), slice 3" in words(kept_figure(run))
    name_series(run, {"judge": f"T2 {'very ' * 20}long"})
    assert any(
        (w or "").startswith("T2 very ") and "…, slice 3" in w
        for w in words(kept_figure(run))
    )
    (run / "kept" / "names.json").write_text("[", encoding="utf-8")
    assert "judge, slice 3" in words(kept_figure(run)), "a figure all the same"


def test_neighbours_and_classifiers(tmp_path):
    slices = PreparedSlices(judge_source(), WINDOW, None, 3, n_channels=3)
    keep_truth(tmp_path, slices, [1])
    keep_step(tmp_path, 5, [np.full((1, 1), 2, np.uint8)])
    spec = train_spec(network=NetworkSpec("unet", 3, 3, {"width": 1 / 16}))
    write_capsule(tmp_path, spec, {"scheme": SCHEME.to_dict()})
    svg = kept_figure(tmp_path)
    # What a classifier says has no place in the slice.
    assert words(svg).count("Small") == 2
    assert len(pictures(svg)) == 2


def test_a_training_draws_it(tmp_path):
    spec = train_spec(
        phases=(Phase("all", 0, 1e-2, steps=4),), keep_at=(1, 4), keep_slices=2
    )
    train(spec, SCHEME, disc_source(), judge_source(), folder=tmp_path, device="cpu")
    svg = (tmp_path / KEPT_FIGURE).read_text(encoding="utf-8")
    assert "1 iteration" in words(svg)
    assert len(pictures(svg)) == 2 * 3
    assert svg == kept_figure(tmp_path)


def test_nothing_kept_is_no_figure_and_damage_is_said(run, tmp_path_factory):
    assert kept_figure(tmp_path_factory.mktemp("empty")) == ""
    (run / "kept" / "slices.json").write_text("[]")
    with pytest.raises(DamagedFileError, match="names 0 slices, but 2 were kept"):
        kept_figure(run)
    (run / "kept" / "slices.json").write_text("[{")
    with pytest.raises(DamagedFileError, match=r"slices\.json is damaged"):
        kept_figure(run)
    (run / "kept" / "truth.npz").write_bytes(b"PK no")
    with pytest.raises(DamagedFileError, match=r"kept in .* are damaged"):
        read_kept(run)
