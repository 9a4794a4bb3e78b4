"""Where libfaketime is built, so that LD_PRELOAD can name it."""

import os
from pathlib import Path

import pytest

from local.accelerated_clock import NoAcceleratedClock, folder_for


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def private(temporary: Path) -> Path:
    return temporary / f"linkwatch-{os.getuid()}"


def test_the_library_is_built_in_the_checkout(tmp_path, temporary):
    assert folder_for(tmp_path / "state", temporary) == tmp_path / "state" / "libfaketime"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["a space", "a:colon", "a\ttab"])
def test_a_checkout_that_ld_preload_cannot_name_uses_a_private_folder(name, tmp_path, temporary):
    for _ in range(2):  # the second time it exists
        assert folder_for(tmp_path / name, temporary) == private(temporary)
        assert private(temporary).stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_write_to_is_refused(tmp_path, temporary):
    private(temporary).mkdir()
    private(temporary).chmod(0o777)

    with pytest.raises(NoAcceleratedClock):
        folder_for(tmp_path / "a space", temporary)


def test_a_link_to_another_folder_is_refused(tmp_path, temporary):
    private(temporary).symlink_to(tmp_path)

    with pytest.raises(NoAcceleratedClock):
        folder_for(tmp_path / "a space", temporary)


def test_without_any_folder_that_ld_preload_can_name_there_is_no_accelerated_clock(tmp_path):
    with pytest.raises(NoAcceleratedClock, match="because of a space"):
        folder_for(tmp_path / "a space", tmp_path / "another space")
