from homestream.engine.energy.tree import HOME, tree
from homestream.home import HomeConfig


def config(*devices: dict[str, object]) -> HomeConfig:
    return HomeConfig.model_validate({"device": devices})


def test_without_a_word_everything_hangs_under_the_one_meter() -> None:
    assert tree(config(), ["house/mains", "tv", "fan"]) == {HOME: ("tv", "fan")}


def test_circuits_hang_under_the_mains_and_devices_under_circuits() -> None:
    said = config({"id": "m", "mains": True}, {"id": "c", "parent": "m"}, {"id": "oven", "parent": "c"})
    assert tree(said, ["m", "c", "oven", "tv"]) == {HOME: ("c", "tv"), "c": ("oven",)}


def test_phases_add_up() -> None:
    said = config({"id": "l1", "mains": True}, {"id": "l2", "mains": True}, {"id": "oven", "parent": "l1"})
    assert tree(said, ["l1", "l2", "oven", "tv"]) == {HOME: ("oven", "tv"), "l1": ("oven",)}


def test_a_circuit_that_measures_nothing_is_passed_over() -> None:
    said = config({"id": "m", "mains": True}, {"id": "c", "parent": "m"}, {"id": "oven", "parent": "c"})
    assert tree(said, ["m", "oven"]) == {HOME: ("oven",)}


def test_without_mains_the_home_is_its_devices() -> None:
    assert tree(config({"id": "c"}, {"id": "oven", "parent": "c"}), ["c", "oven", "tv"]) == {
        HOME: ("c", "tv"),
        "c": ("oven",),
    }
