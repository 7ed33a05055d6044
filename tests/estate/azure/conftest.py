"""Lend the tests of Azure one running double of its subscription."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exitkit.demo import arm_estate
from exitkit.demo.arm_server import ArmServer

TOKEN = "pl4nted-arm-token-8Fg5"


@pytest.fixture
def double() -> Iterator[ArmServer]:
    running = ArmServer(TOKEN)
    arm_estate.seed(running)
    running.start()
    yield running
    running.stop()
