"""Say what changed between two bundles in sentences, with the plural each language wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from exitkit.assess.changes import KINDS, Change
from exitkit.report.amounts import span_words
from exitkit.report.language import Speech, colon, is_one, load_words
from exitkit.report.quoted import RECORDED, plain


def diff_words() -> Mapping[str, Any]:
    """Return the words by language."""
    return load_words("diff")


def sentences(counts: Mapping[str, int], language: str) -> Iterator[str]:
    """Yield one sentence for each kind of change there was, what hurts among the first."""
    words = diff_words()[language]
    found = [kind for kind in KINDS if counts.get(kind)]
    if not found:
        yield str(words["same"])
    for kind in found:
        yield plural(words["kinds"][kind], counts[kind], language)


def time_sentence(old_ms: int | None, new_ms: int | None, language: str) -> str:
    """Say how the measured exit time changed; None is not known and never zero."""
    words = diff_words()[language]["time"]
    if old_ms is None or new_ms is None:
        return str(words["unknown"])
    said = {"old": span_words(old_ms, language), "new": span_words(new_ms, language)}
    by = span_words(abs(new_ms - old_ms), language)
    kind = "longer" if new_ms > old_ms else "shorter" if new_ms < old_ms else "same"
    return str(words[kind].format(by=by, **said))


def detail(change: Change, language: str) -> Iterator[str]:
    """Yield the lines that tell one change: what it is about, then member by member."""
    words = diff_words()[language]
    thing = change.thing
    about = [plain(change.subject, language)] if change.subject else []
    if thing:
        place = "/".join(part for part in (thing.scope, thing.region) if part)
        known = thing.native_id or thing.id
        named = f" ({thing.name})" if thing.name and thing.name != known else ""
        about.insert(0, f"{thing.native_type} {known}{named} {place}".strip())
    if change.aspect:
        about.append(words["aspect"][change.aspect])
    if change.old or change.new:
        about.append(f"{_code(change.old, language)} -> {_code(change.new, language)}")
    if change.reason:
        about.append(_reason(change.reason, language))
    yield colon(language).join(about)
    for one in change.fields:
        yield f"  {one.path}: {one.old or '-'} -> {one.new or '-'}"


def _code(code: str, language: str) -> str:
    """Say a level or an outcome; English keeps the codes that records hold."""
    speech = Speech(language)
    return speech.coded("LEVELS" if code in speech.words["LEVELS"] else "CALLS", code) or "-"


def _reason(reason: str, language: str) -> str:
    """Say why; of a right the type of its principal, then the mark of who holds it."""
    kind, comma, mark = reason.partition(", ")
    if language != RECORDED and kind in Speech(language).words["PRINCIPALS"]:
        return f"{Speech(language).principal(kind)}{comma}{mark}"
    return plain(reason, language)


def plural(forms: list[str], n: int, language: str) -> str:
    """Choose between one and many: French has none among the ones, English has not."""
    return forms[0 if is_one(n, language) else 1].format(n=n)
