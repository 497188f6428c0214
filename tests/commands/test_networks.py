from __future__ import annotations

import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.networks_ import NETWORKS_COMMAND, NetworksParams, run
from medlab_gui.core.errors import InputError
from medlab_gui.networks import CLASSIFIERS, NETWORKS


def test_every_network_is_described():
    told = run(NetworksParams(size=64, width=0.125), Context())
    rows = {row["name"]: row for row in told["networks"]}
    assert set(rows) == {*NETWORKS, *CLASSIFIERS}
    assert {row["kind"] for row in rows.values()} == {"segmentation", "classification"}
    words = NETWORKS_COMMAND.text(told)
    for row in rows.values():
        assert row["paper"] in words
        assert row["n_weights"] > 0
    assert rows["resnet_cbam_unet"]["choices"] == {
        "encoder": ["residual", "plain"],
        "attention": ["on", "off"],
    }
    assert "encoder residual (or plain), attention on (or off), reduction 16" in words


def test_work_grows_with_the_area_and_weights_do_not():
    small, large = (
        run(NetworksParams(size=size, width=0.125), Context())["networks"]
        for size in (128, 256)
    )
    for one, other in zip(small, large, strict=True):
        assert one["n_weights"] == other["n_weights"]
        if one["kind"] == "segmentation":
            ratio = other["multiply_adds"] / one["multiply_adds"]
            assert ratio == pytest.approx(4, rel=0.01)


def test_the_papers_sizes_are_the_default():
    rows = run(NetworksParams(width=0.125), Context())["networks"]
    sizes = {row["kind"]: row["input"] for row in rows}
    assert sizes == {"segmentation": [1, 512, 512], "classification": [1, 224, 224]}


def test_a_size_that_is_too_small_gets_a_sentence():
    with pytest.raises(InputError, match="at least 32"):
        run(NetworksParams(size=5), Context())
