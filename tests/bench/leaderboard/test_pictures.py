"""Which pictures a row links to, by the names of their files."""

from pathlib import Path

from bench.leaderboard.pictures import Pictures

TITLES = {"resnet": "ResNet", "resnet/pool=max": "ResNet (max)", "ml-gcn": "ML-GCN", "salgl": "SALGL"}
DATA = ("scenes", "scenes-alike", "voc2007")


def links(results: Path, data: str = "scenes", number: int = 1, page: str = "leaderboard") -> dict[str, list]:
    found = Pictures(results, results / page, DATA).of_group(data, number, TITLES)
    return {label: [(link.text, link.address) for link in of] for label, of in found.items() if of}


def write(results: Path, *names: str) -> None:
    for name in names:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_bytes(b"x")


def test_nothing_is_linked_where_nothing_lies(tmp_path: Path) -> None:
    assert links(tmp_path) == {}


def test_a_picture_of_all_methods_is_linked_by_all_and_one_of_some_by_these(tmp_path: Path) -> None:
    write(
        tmp_path,
        "figures/scenes-precision-recall.png",
        "figures/scenes-precision-recall.svg",  # the same once more
        "figures/scenes-graph+resnet,pool=max+salgl.svg",
        "figures/scenes-activation+salgl@+a+b.png",
        "figures/scenes-graph+tdrg.png",  # of a method that was not run here
        "figures/.scenes-graph+salgl.png.77.png",  # of a process that was killed
        "figures/scenes-graph+salgl.csv",
    )
    of_all = ("precision recall", "../figures/scenes-precision-recall.png")
    graph = ("graph of 2 methods", "../figures/scenes-graph%2Bresnet%2Cpool%3Dmax%2Bsalgl.svg")
    assert links(tmp_path) == {
        "resnet": [of_all],
        "resnet/pool=max": [graph, of_all],
        "ml-gcn": [of_all],
        "salgl": [("activation, a+b", "../figures/scenes-activation%2Bsalgl%40%2Ba%2Bb.png"), graph, of_all],
    }


def test_pictures_of_other_data_and_of_other_conditions_are_not_its_own(tmp_path: Path) -> None:
    write(
        tmp_path, "figures/scenes-alike-graph.png", "figures/scenes-graph-2.png", "figures/voc2012-graph.png"
    )
    assert links(tmp_path) == {}
    assert {*links(tmp_path, "scenes-alike")} == {*TITLES}
    assert links(tmp_path, number=2)["salgl"] == [("graph", "../figures/scenes-graph-2.png")]


def test_pages_that_explain_a_difference_are_linked_by_both(tmp_path: Path) -> None:
    write(tmp_path, "explain/salgl-vs-resnet,pool=max-scenes.html", "explain/salgl-vs-resnet-voc2007.html")
    address = "../explain/salgl-vs-resnet%2Cpool%3Dmax-scenes.html"
    assert links(tmp_path) == {
        "resnet/pool=max": [("against SALGL", address)],
        "salgl": [("against ResNet (max)", address)],
    }


def test_addresses_are_relative_to_the_page(tmp_path: Path) -> None:
    write(tmp_path, "figures/scenes-graph.png")
    for page, address in (
        ("../site/pages", "../../%s/figures/scenes-graph.png"),
        (".", "figures/scenes-graph.png"),
    ):
        expected = address % tmp_path.name if "%" in address else address
        assert links(tmp_path, page=page)["salgl"] == [("graph", expected)]
