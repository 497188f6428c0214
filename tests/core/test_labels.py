import pytest

from medlab_gui.core.errors import SpecError
from medlab_gui.core.labels import OKABE_ITO, LabelClass, LabelScheme


def test_from_names():
    names = [f"c{n}" for n in range(9)]
    scheme = LabelScheme.from_names("organs", names)
    assert [c.value for c in scheme.classes] == list(range(1, 10))
    assert [c.name for c in scheme.classes] == names
    assert scheme.classes[0].color == OKABE_ITO[0]
    assert scheme.n_classes == 10


def test_as_plain_data():
    scheme = LabelScheme("s", (LabelClass(1, "Liver", (1, 2, 3), "SCT:10200004"),))
    assert LabelScheme.from_dict(scheme.to_dict()) == scheme


@pytest.mark.parametrize("value", [0, 255, -1])
def test_values_kept_for_background_and_ignore(value):
    with pytest.raises(SpecError, match="1 to 254"):
        LabelClass(value, "x", (0, 0, 0))


def test_schemes_that_cannot_be():
    a, b = LabelClass(1, "Liver", (0, 0, 0)), LabelClass(3, "Spleen", (0, 0, 0))
    with pytest.raises(SpecError, match="in order"):
        LabelScheme("s", (a, b))
    with pytest.raises(SpecError, match="same name"):
        LabelScheme("s", (a, LabelClass(2, "LIVER", (0, 0, 0))))
    with pytest.raises(SpecError, match="no name"):
        LabelClass(1, "  ", (0, 0, 0))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": "s"},
        {"name": "s", "classes": [{"value": 1}]},
        {"name": "s", "classes": [{"value": "x", "name": "a", "color": [0, 0, 0]}]},
        {"name": "s", "classes": [{"value": 1, "name": "a", "color": [0]}]},
        {"name": "s", "classes": 3},
    ],
)
def test_what_is_no_scheme(data):
    with pytest.raises(SpecError):
        LabelScheme.from_dict(data)
