"""`medlab pace`, and the window's question, which must not load torch itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from medlab_gui.commands.command import Context
from medlab_gui.commands.pace import PACE, PaceParams, run
from medlab_gui.core.errors import MedlabError
from medlab_gui.learning import forecast
from medlab_gui.networks.unet import UNet

SMALL = json.dumps({"name": "unet", "options": {"width": 0.02}})


def test_a_pace_is_measured_and_told():
    small = run(PaceParams(SMALL, 64, 64), Context(device="cpu"))
    assert small["device"] == "cpu"
    assert small["look"] > 0
    assert small["bytes_free"] > small["bytes_slice"] > 0
    words = PACE.text(small)
    assert "on the processor" in words
    assert "GB for each slice of a batch" in words


@pytest.mark.parametrize("held_up", [1, 7])
def test_a_busy_machine_is_told_and_foretells_the_same(monkeypatch, held_up):
    """By the clock on the wall it had foretold several times as long."""
    clocks = {"worked": 0.0}
    monkeypatch.setattr(forecast.time, "thread_time", lambda: clocks["worked"])
    monkeypatch.setattr(
        forecast.time, "perf_counter", lambda: clocks["worked"] * held_up
    )
    ahead, back = forecast._learn, torch.nn.Module.__call__

    def learn(net, picture):
        ahead(net, picture)
        clocks["worked"] += 0.25

    monkeypatch.setattr(forecast, "_learn", learn)

    def look(net, *given):
        if isinstance(net, UNet):
            clocks["worked"] += 0.125
        return back(net, *given)

    monkeypatch.setattr(torch.nn.Module, "__call__", look)
    found = run(PaceParams(SMALL, 128, 128), Context(device="cpu"))
    assert found["look"] == pytest.approx(0.125)
    assert found["learn_all"] == pytest.approx(0.375)
    assert found["waiting"] == pytest.approx(held_up)
    assert ("about 7 times as long" in PACE.text(found)) == (held_up == 7)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("unett", "Did you mean 'unet'"),
        ("{", "no network in JSON"),
        ('{"name": "unet", "depth": 3}', "depth"),
    ],
)
def test_what_is_no_network_is_told(network, said):
    with pytest.raises(MedlabError, match=said):
        run(PaceParams(network), Context(device="cpu"))


_ASKS = f"""
import sys
from medlab_gui.commands.command import Context
from medlab_gui.commands.pace import pace_in_child
from medlab_gui.core.specs import NetworkSpec

network = NetworkSpec.from_dict({json.loads(SMALL)!r})
pace = pace_in_child(network, (63.6, 64.2), Context(device="cpu"))
assert pace.learn_all > 0 and pace.device == "cpu", pace
print("torch" in sys.modules)
"""


def test_who_asks_does_not_load_torch():
    """Its import alone had stopped the window for more than half a second."""
    asked = subprocess.run(
        [sys.executable, "-c", _ASKS],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.split() == ["False"]
