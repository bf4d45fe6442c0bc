"""Files are whole or not there."""

from pathlib import Path

import pytest

from homestream.lake.disk import create, make_folder, replace


def test_a_file_is_created_once(tmp_path: Path) -> None:
    create(tmp_path / "a", b"first")
    with pytest.raises(FileExistsError):
        create(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    replace(tmp_path / "a", b"first")
    replace(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"second"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_folders_are_made_with_those_above(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
