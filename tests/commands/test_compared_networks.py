"""What a report says of the networks that it compares."""

from __future__ import annotations

from medlab_gui.commands.compared_networks import networks_table
from medlab_gui.commands.contenders import Masks, Weights
from medlab_gui.learning.checkpoint import read_meta
from tests.projects import tiny_weights


def weights(folder, network):
    path = tiny_weights(folder / f"{network}.safetensors", network=network)
    return Weights(network, path, read_meta(path))


def test_switches_are_told_where_they_are_as_usual(tmp_path):
    """A row of the ablation with all switched on said nothing of them."""
    table = networks_table(
        [weights(tmp_path, n) for n in ("resnet_cbam_unet", "fcn8s", "alexnet")]
    )
    assert [row[1] for row in table.rows] == [
        "resnet_cbam_unet (encoder residual, attention on, width 0.0625)",
        "fcn8s (width 0.0625)",
        "alexnet (width 0.0625)",
    ]


def test_masks_alone_have_no_table():
    assert networks_table([Masks("A", {}), Masks("B", {})]) is None
