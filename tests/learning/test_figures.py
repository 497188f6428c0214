from __future__ import annotations

import io
import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from medlab_gui.learning.figures import Reader, box_plot, roc_plot
from medlab_gui.learning.pictures import overlays, png, worst_slice
from medlab_gui.learning.report import Panel, RankedCase, WorstCase, page
from medlab_gui.learning.roc import roc
from medlab_gui.learning.tables import Table

SCAN = str(Path("/scans/p 1.nii").absolute())
MAIN = ("<m>", "</m>")
SVG = "{http://www.w3.org/2000/svg}"


def test_boxes_lie_where_the_figures_are():
    svg = ET.fromstring(box_plot({"a": [1, 2, 3, 4, 20], "b": []}, "T & t", "mm"))
    assert svg.find(f"{SVG}title").text == "T & t"
    dots = svg.findall(f"{SVG}circle")
    assert len(dots) == 5
    # Linear: the same value, the same height; 20 is an outlier, drawn as a dot alone.
    heights = sorted(float(d.get("cy")) for d in dots)
    assert heights[0] < heights[1]
    steps = np.diff(heights[1:])
    assert steps == pytest.approx([steps[0]] * 3, abs=0.15)
    words = {t.text for t in svg.iter(f"{SVG}text")}
    assert {"n = 5", "n = 0", "mm"} <= words


def test_rows_of_an_ablation_are_parted_at_a_plus():
    """It said "residual+CBAM+tra" and below that "nsfer"."""
    name = "residual+CBAM+transfer"
    svg = ET.fromstring(box_plot({name: [1, 2], "a + b": [3]}, "t", "x"))
    words = [text.text for text in svg.iter(f"{SVG}text")]
    assert {"residual+CBAM+", "transfer", "a + b"} <= {*words}


def test_boxes_with_long_names_can_be_told_apart():
    names = [f"residual CBAM U-Net, seed {n}" for n in (0, 1)]
    names += [f"{'very ' * 20}long {n}" for n in (0, 1)]
    svg = ET.fromstring(box_plot({n: [1, 2] for n in names}, "t", "x"))
    below = {}
    for text in svg.iter(f"{SVG}text"):
        if float(text.get("y")) > 34 + 240 and text.get("text-anchor") == "middle":
            below.setdefault(text.get("x"), []).append(text.text)
    said = [" ".join(words[:-1]) for words in below.values()]
    assert said[:2] == names[:2]
    assert len({*said}) == 4
    assert {words[-1] for words in below.values()} == {"n = 2"}
    places = [float(t.get("y")) for t in svg.iter(f"{SVG}text")]
    assert 0 < float(svg.get("height")) - max(places) < 20, "nothing cut, no empty room"


def reach(text):
    """Return how far right a text goes, in letters 7 px wide."""
    length = 7 * len(text.text)
    share = {"start": 1, "middle": 0.5, "end": 0}[text.get("text-anchor")]
    return float(text.get("x")) + share * length


def test_long_names_stay_within_their_figure():
    name = "resnet_cbam_unet, encoder residual, attention"
    many = f"{'very ' * 40}long"
    curve = roc([0, 1, 1], [1, 2, 0])
    readers = [Reader(f"A radiologist with a long name, {name}", 0.2, 0.8)]
    svg = ET.fromstring(roc_plot({name: curve, many: curve}, "ROC", readers))
    assert max(map(reach, svg.iter(f"{SVG}text"))) <= float(svg.get("width"))
    assert float(svg.get("width")) < 800, "the curves do not become small"
    boxes = ET.fromstring(box_plot({f"{name} {n}": [1, 2] for n in (1, 2)}, "t", "x"))
    first, second = [t for t in boxes.iter(f"{SVG}text") if t.text.startswith("resnet")]
    half = 7 * len(second.text) / 2
    assert reach(first) <= float(second.get("x")) - half, "names do not overlap"


def test_boxes_of_one_value_and_of_none():
    for values in ({"a": [0.5]}, {"a": []}, {"a": [3, 3, 3]}):
        ET.fromstring(box_plot(values, "t", "x"))


def test_curves_and_readers():
    rng = np.random.default_rng(0)
    truth = rng.random(5000) < 0.5
    score = rng.normal(truth.astype(float))
    readers = [Reader("R1", 0.2, 0.8), Reader("R2", curve=roc([0, 1, 1], [1, 2, 0]))]
    svg = ET.fromstring(roc_plot({"net": roc(truth, score)}, "ROC", readers))
    lines = svg.findall(f"{SVG}polyline")
    assert len(lines) == 2
    points = [tuple(map(float, p.split(","))) for p in lines[0].get("points").split()]
    assert len(points) < 500
    assert points[0] == (58, 354)  # false and true positive rate 0
    assert points[-1] == (378, 34)  # and 1
    words = " ".join(t.text for t in svg.iter(f"{SVG}text"))
    assert f"net: AUC {roc(truth, score).auc:.3f}" in words
    assert "R1: 0.800 at 0.200" in words


def test_pictures_are_read_by_another_program():
    from PIL import Image

    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (13, 17, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(png(pixels))) as image:
        assert np.array_equal(np.asarray(image), pixels)


def test_masks_are_drawn_beside_each_other():
    from PIL import Image

    image = np.full((64, 64), 40.0)
    truth, found = np.zeros((2, 64, 64), np.uint8)
    truth[20:40, 20:40] = 1
    found[20:40, 24:40] = 2
    found[0, 0] = 255
    made = [
        np.asarray(Image.open(io.BytesIO(p)))
        for p in overlays(image, [truth, found], (2.0, 1.0), is_ct=True)
    ]
    assert made[0].shape == made[1].shape
    # Pixels twice as tall as wide.
    assert made[0].shape[0] == pytest.approx(2 * made[0].shape[1], rel=0.05)
    assert [230, 159, 0] in made[0].reshape(-1, 3).tolist()
    assert [86, 180, 233] in made[1].reshape(-1, 3).tolist()
    assert [230, 159, 0] not in made[1].reshape(-1, 3).tolist()
    empty = np.zeros((8, 8), np.uint8)
    assert len(overlays(None, [empty])) == 1


def test_the_worst_slice_has_most_wrong_voxels():
    truth = np.zeros((4, 5, 5), np.uint8)
    truth[1, :2] = 1
    one, other = truth.copy(), truth.copy()
    one[2, 0, 0] = other[3, 0, :3] = 1
    assert worst_slice(truth, [one, other]) == 3
    assert worst_slice(truth, [truth]) == 1
    truth[3] = 255
    assert worst_slice(truth, [one, other]) == 2


def test_a_page_needs_nothing_else():
    worst = WorstCase("p1 <x>", SCAN, (Panel("truth", b"\x89PNG"),))
    table = Table("t", ("a",), (("1",),))
    made = page("T", ["intro"], [table], ["<svg/>"], [worst], {"Liver": "#e69f00"})
    assert "p1 &lt;x&gt;" in made
    assert f'href="{Path(SCAN).as_uri()}"' in made
    assert f"medlab &quot;{SCAN}&quot;" in made
    assert "data:image/png;base64," in made
    for outside in ("http://", "https://", "<script", "<link", "url("):
        assert outside not in made


@pytest.mark.parametrize("name", ['a"b', "$(touch x)", "`touch x`", "it's $HOME!"])
def test_what_opens_a_case_is_one_word_to_a_shell(name):
    path = f"/scans/{name}.nii.gz"
    made = page("T", ["i"], [], [], [WorstCase("p", path, ())])
    root = ET.fromstring(
        made.split("<main>")[1].split("</main>")[0].replace("&nbsp;", " ").join(MAIN)
    )
    line = root.find(".//code").text
    assert shlex.split(line) == ["medlab", path]
    assert "'" in line  # within double quotes a shell would run it


def test_zero_has_no_sign():
    words = {
        t.text
        for t in ET.fromstring(box_plot({"a": [0.0, 90.0]}, "t", "%")).iter(
            f"{SVG}text"
        )
    }
    assert "0" in words
    assert "-0" not in words


def test_the_page_ranks_all_cases_with_links():
    ranked = [
        RankedCase("p2", "anna", SCAN, ("10.00", "–")),
        RankedCase("p1 <&>", "anna", "", ("90.00", "95.00")),
    ]
    made = page("T", ["x"], [], [], ranking=ranked, networks=("A", "B"))
    root = ET.fromstring(
        made.split("<main>")[1].split("</main>")[0].join(("<m>", "</m>"))
    )
    rows = root.findall(".//tbody/tr")
    assert [r.find("td[@class='words']").text for r in rows] == ["anna", "anna"]
    assert root.find(".//thead//th[@class='words']").text == "Patient"
    assert rows[0].find("th/a").get("href") == Path(SCAN).as_uri()
    assert rows[1].find("th").text == "p1 <&>"
    many = page("T", ["x"], [], [], ranking=ranked * 150, networks=("A", "B"))
    assert "And 100 more: see cases.csv." in many


@pytest.mark.parametrize("values", [[0.0, 0.0], [0.0, 3.0], [1.0]])
def test_shares_and_distances_have_no_axis_below_zero(values):
    svg = ET.fromstring(box_plot({"a": values}, "t", "DSC %"))
    words = [t.text or "" for t in svg.iter() if t.tag.endswith("text")]
    assert not [word for word in words if word.startswith(("-", "−"))]
    below = ET.fromstring(box_plot({"a": [-2.0, 3.0]}, "t", "RVD %"))
    words = [t.text or "" for t in below.iter() if t.tag.endswith("text")]
    assert [word for word in words if word.startswith("-")]
