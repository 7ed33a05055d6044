"""Refer to secrets without ever reading one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from exitkit.extractors.secret_values import SecretValues
from exitkit.model.asset import Asset, Ref
from exitkit.model.verdict import Gap
from exitkit.ports import Context, Source

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def gaps(native_type: str, config: dict[str, Any], folder: Path) -> list[Gap]:
    ref = Ref("aws", "123456789012", "eu-west-1", native_type, "crm")
    asset = Asset(ref, "secret.reference", "crm", config, NOW)
    context = Context(NOW, folder, b"k", {})
    found = SecretValues().extract(asset, Source("prod", "aws", {}, folder), context)
    return [one for one in found if isinstance(one, Gap)]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "encrypted with the provider's own key and not rotated; the value is never read"),
        (
            {
                "KmsKeyId": "alias/crm",
                "RotationEnabled": True,
                "RotationRules": {"AutomaticallyAfterDays": 30},
                "RotationLambdaARN": "rotate",
            },
            "encrypted with alias/crm and rotated every 30 days by rotate; the value is never read",
        ),
    ],
)
def test_a_secret_is_referred_to_by_name_key_and_rotation(
    config: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (gap,) = gaps("AWS::SecretsManager::Secret", config, tmp_path)
    assert gap.text == f"the name is held, it is {said}"


def test_a_parameter_in_plain_text_holds_no_credential(tmp_path: Path) -> None:
    assert gaps("AWS::SSM::Parameter", {"Type": "String"}, tmp_path) == []
    assert len(gaps("AWS::SSM::Parameter", {"Type": "SecureString"}, tmp_path)) == 1
