from __future__ import annotations

import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.networks_ import NETWORKS_COMMAND, NetworksParams, run


def test_every_network_is_described():
    told = run(NetworksParams(size=64, width=0.125), Context())
    rows = {row["name"]: row for row in told["networks"]}
    assert {"unet", "msf_fcn"} <= set(rows)
    words = NETWORKS_COMMAND.text(told)
    for row in rows.values():
        assert row["paper"] in words
        assert row["n_weights"] > 0


def test_work_grows_with_the_area_and_weights_do_not():
    small, large = (
        run(NetworksParams(size=size, width=0.125), Context())["networks"]
        for size in (64, 128)
    )
    for one, other in zip(small, large, strict=True):
        assert one["n_weights"] == other["n_weights"]
        ratio = other["multiply_adds"] / one["multiply_adds"]
        assert ratio == pytest.approx(4, rel=0.01)
