"""The `organization:` setting of an AWS source: taken as written, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitkit.errors import InputError
from exitkit.workspace.files import load_workspace

SOURCE = """\
schema: exitkit/workspace/1
series: acme
sources:
  - id: all
    type: aws
    organization: {}
"""


def load(folder: Path, organization: str) -> dict[str, object]:
    (folder / "exitkit.yaml").write_text(SOURCE.replace("{}", organization))
    return dict(load_workspace(folder).sources[0].settings["organization"])


def test_the_whole_setting_loads(tmp_path: Path) -> None:
    written = (
        '{role_name: path/Reader, external_id: "4711", profile: lead, accounts: ["*"],'
        ' exclude: ["sandbox-*", "111111111111"], organizational_units: [ou-ab12-cdef3456]}'
    )
    setting = load(tmp_path, written)
    assert setting["role_name"] == "path/Reader"
    assert setting["exclude"] == ["sandbox-*", "111111111111"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{}", '"role_name" is missing; add it: The role to assume'),
        ("{role_name: a, acounts: [b]}", 'no such member here; did you mean "accounts"?'),
        ("{role_name: a, exclude: [111111111111]}", "111111111111 is not text; expected: an acc"),
        ("{role_name: 'arn:aws:iam::1:role/x'}", "is not written as expected; expected: the role"),
        ("{role_name: a, organizational_units: [Production]}", "expected: the id of a unit"),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_the_next_move(
    tmp_path: Path, written: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, written)
    message = str(caught.value)
    assert "\n" not in message
    assert "organization" in message
    assert said in message
