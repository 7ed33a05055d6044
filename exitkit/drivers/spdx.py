"""Read what a package declares as its license as an SPDX expression, or not at all."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

LONGEST = 400
_SPELLED = {
    "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache-2": "Apache-2.0",
    "apache software license": "Apache-2.0", "asl 2.0": "Apache-2.0", "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause", "bsd-3": "BSD-3-Clause", "bsd-2": "BSD-2-Clause",
    "expat": "MIT", "mit license": "MIT", "the mit license": "MIT", "isc license": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "psf": "PSF-2.0",
    "python software foundation license": "PSF-2.0", "public-domain": "LicenseRef-public-domain",
    "zlib": "Zlib", "artistic": "Artistic-1.0-Perl",
    "perl": "Artistic-1.0-Perl OR GPL-1.0-or-later",
}  # fmt: skip
"""Spellings of package managers that are no SPDX identifiers, in lower case."""
_GNU = re.compile(
    r"^(?P<name>[AL]?GPL|GFDL)[-v ]*(?P<version>\d(?:\.\d)?)(?P<later>\+|-or-later)?$", re.I
)


def normalized(declared: str) -> str:
    """Return the SPDX expression that a declaration means; empty where that is not certain."""
    text = declared.strip()
    if not text or len(text) > LONGEST or "\n" in text:
        return ""
    parts = re.split(r"\s+(AND|OR|and|or)\s+", text.replace("|", " OR "))
    words = [word.upper() if word in ("and", "or") else _identifier(word) for word in parts]
    return _checked(" ".join(words))


def _identifier(word: str) -> str:
    bare = word.strip().strip("()")
    spelled = _SPELLED.get(bare.lower())
    found = _GNU.match(bare)
    if found and not spelled:
        version = found["version"] if "." in found["version"] else f"{found['version']}.0"
        end = "or-later" if found["later"] else "only"
        spelled = f"{found['name'].upper()}-{version}-{end}"
    if not spelled:
        return word
    return word.replace(bare, f"({spelled})" if " " in spelled else spelled)


@cache
def _checked(text: str) -> str:
    from license_expression import ExpressionError, ExpressionParseError

    try:
        parsed = _licensing().parse(text, validate=True)
    except (ExpressionError, ExpressionParseError, AttributeError, TypeError):
        return ""
    return str(parsed.render()) if parsed is not None else ""


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()
