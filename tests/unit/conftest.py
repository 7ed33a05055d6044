"""What tests of several rooms begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def lay_out() -> Callable[[Path, Mapping[str, str]], Path]:
    """Write files by their names below a folder, and return the folder."""

    def written(folder: Path, files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder

    return written
