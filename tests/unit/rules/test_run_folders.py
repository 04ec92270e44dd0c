"""Each model run has a folder of its own in an export, on every disk (EXCHANGE, Out)."""

from hypothesis import example, given
from hypothesis import strategies as st
from support.profiles import draws

from transforms.rules.run_folders import run_folders

LONG = "é" * 100
texts = st.text("aAbB%~./ é", min_size=1, max_size=4) | st.text(min_size=1) | st.text("aAé", min_size=80)


@draws(200)
@example(names={"yolo", "Yolo", "YOLO", "yo%6Co"})
@example(names={LONG, f"{LONG}a", f"{LONG}A"})
@given(names=st.sets(texts, max_size=6))
def test_folders_differ_where_case_does_not_count_and_fit_on_a_disk(names: set[str]) -> None:
    folders = run_folders(names)
    assert folders.keys() == names
    assert len({folder.lower() for folder in folders.values()}) == len(names)
    for folder in folders.values():
        assert 0 < len(folder) <= 255
        assert not folder.startswith(".")
        assert "/" not in folder


def test_a_folder_does_not_depend_on_the_other_runs_unless_one_differs_in_case_alone() -> None:
    assert run_folders(["YOLO", "b"])["YOLO"] == run_folders(["YOLO", "yolo2"])["YOLO"] == "YOLO"


def test_the_folder_of_a_long_name_is_no_name_of_a_shorter_run() -> None:
    (folder,) = run_folders([LONG]).values()
    assert run_folders([LONG, folder])[folder] != folder
