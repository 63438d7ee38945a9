"""Reading the settings of a run runs no code, wherever the named class is."""

from pathlib import Path

import pytest
import yaml

from gan.config.options.signatures import arguments_of
from gan.config.saved_settings import read_saved

ALL_OF_PYTHON = "().__class__.__base__.__subclasses__()"
CODE = f"""
Hidden = [c for c in {ALL_OF_PYTHON} if c.__name__ == "_wrap_close"][0].__init__.__globals__["system"]("touch ran")

class Evil:
    def __init__(self, one: Hidden, two: {ALL_OF_PYTHON}, three: int = 3) -> None:
        ...
"""


@pytest.mark.parametrize("place", ["outputs.run.evil.Evil", "gan.{folder}/evil.Evil", "gan...outputs.run.evil.Evil"])
@pytest.mark.parametrize("group", ["model", "data", "schedule"])
def test_a_class_in_a_run_folder_is_not_read(
    place: str, group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs" / "run"
    folder.mkdir(parents=True)
    (folder / "evil.py").write_text(CODE)
    node = {"_target_": place.format(folder=folder)}
    (folder / "config.yaml").write_text(yaml.safe_dump({"run_dir": str(folder), group: node}))
    assert read_saved(folder)[group] == node
    assert not (tmp_path / "ran").exists()


def test_an_annotation_cannot_reach_all_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for a class that the user has named: `gan options` reads it without running its module."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text(CODE)
    found = arguments_of("evil.Evil")
    assert [found[name].allowed for name in ("one", "two", "three")] == ["", "", ""]
    assert not (tmp_path / "ran").exists()
