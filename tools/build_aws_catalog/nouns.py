"""Compare the names that three AWS catalogs give to the same thing."""

from __future__ import annotations

import re
from functools import cache

READ_VERB = re.compile(r"^(List|Describe|Get|Search|BatchGet|Query|Select)(?=[A-Z])")


@cache
def plain(name: str) -> str:
    """Return only the letters and digits of a name, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def singular(word: str) -> str:
    """Return the singular of a lower-case English plural, as AWS forms them."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    if re.search(r"(sses|xes|ches|shes)$", word):
        return word[:-2]
    if word.endswith("indices"):
        return word[:-7] + "index"
    if word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


@cache
def operation_noun(operation: str) -> str:
    """Return what an operation is about: `DescribeVpcs` is about `vpc`."""
    return singular(plain(READ_VERB.sub("", operation)))


@cache
def endings(noun: str) -> tuple[str, ...]:
    """Return the plain endings of a CamelCase noun, longest first: SecurityGroup, then Group."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", noun)
    return tuple(plain("".join(words[start:])) for start in range(len(words)))


def type_noun(native_type: str) -> str:
    """Return the last part of `AWS::EC2::SecurityGroup`."""
    return native_type.split("::")[2]


def leaf_name(path: str) -> str:
    """Return the plain singular name of the list a path ends in: `A.Items[]` gives `item`."""
    return singular(plain(path.split(".")[-1].replace("values(", "")))
