"""Draw up the lists of portable and exempt things from a bundle and the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exitkit.assess.data_act_lists import Lists, draw_up
from exitkit.store.reader import Bundle


def lists_of(bundle: Bundle, contract: Mapping[str, Any]) -> Lists:
    """Return both lists of a bundle, held against the contract's document."""
    assets = {
        str(row["@id"]): (str(row["kind"]), str(row["provider"]["nativeType"]))
        for row in bundle.records("assets")
    }
    return draw_up(bundle.records("exportability"), assets, contract)
