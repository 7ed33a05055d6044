"""Draw up the request to the provider from a bundle and the contract."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exitkit.assess.dates import parse_period, shift
from exitkit.assess.predicates import look_up
from exitkit.assess.rules import check_rules
from exitkit.engine.gaps import AssetName, Gaps, single_gaps
from exitkit.errors import InputError
from exitkit.knowledge.rulebook import load_rules
from exitkit.model.verdict import Responsible
from exitkit.report.letter import (
    Basis,
    ContractDate,
    LetterInputs,
    Line,
    Request,
    html,
    letter_words,
    markdown,
)
from exitkit.store.files import write_atomically
from exitkit.store.reader import Bundle
from exitkit.workspace.files import Workspace, contract_document

UNKNOWN = "unknown"


def write_letters(
    bundle: Bundle,
    gaps: Gaps,
    workspace: Workspace | None,
    root: Path,
    language: str,
    today: dt.date,
    answer_by: dt.date | None = None,
) -> tuple[Path, Path]:
    """Write the letter as Markdown and as HTML; return where they are.

    An InputError says so where the provider is asked for nothing.
    """
    contract = contract_document(workspace) if workspace else {}
    inputs = letter_inputs(bundle, gaps, contract, today, answer_by)
    folder = workspace.reports if workspace else root
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"request-{bundle.path.resolve().name}-{language}"
    paths = stem.with_suffix(".md"), stem.with_suffix(".html")
    write_atomically(paths[0], markdown(inputs, language))
    write_atomically(paths[1], html(inputs, language))
    return paths


def letter_inputs(
    bundle: Bundle,
    gaps: Gaps,
    contract: Mapping[str, Any],
    today: dt.date,
    answer_by: dt.date | None = None,
) -> LetterInputs:
    """Gather what the letter says; a field of the contract not filled in stays empty."""
    requests = tuple(_requests(bundle, gaps))
    if not requests:
        raise InputError(f"{bundle.path}: no gap that the provider could remove; nothing to ask")
    descriptor = bundle.descriptor
    clause = _text(contract, "reversibility.clause")
    return LetterInputs(
        today=today,
        bundle=bundle.id,
        series=str(descriptor["series"]),
        sequence=int(descriptor["sequence"]),
        sealed_at=str(descriptor["sealedAt"]),
        requests=requests,
        contract_id=_text(contract, "id"),
        contract_title=_text(contract, "title"),
        customer=_text(contract, "customer.name"),
        provider=_text(contract, "provider.name"),
        attention=_attention(contract),
        clause=clause,
        answer_by=answer_by,
        dates=tuple(_dates(contract)),
        bases=tuple(_bases(contract, today)),
    )


def _requests(bundle: Bundle, gaps: Gaps) -> Iterator[Request]:
    asked = [group for group in gaps.groups if group.responsible == Responsible.PROVIDER]
    group_of = {record: index for index, group in enumerate(asked) for record in group.records}
    rows: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in single_gaps(bundle):
        index = group_of.get(str(row["@id"]))
        if index is not None:
            rows[index].append(row)
    number = 0
    for index, group in enumerate(asked):
        lines = tuple(
            _line(number + place, row, gaps.assets.get(str(row["asset"])))
            for place, row in enumerate(rows[index], start=1)
        )
        number += len(lines)
        yield Request(
            group.aspect, group.level, group.text, group.native_types, len(group.assets), lines
        )


def _line(number: int, row: Mapping[str, Any], asset: AssetName | None) -> Line:
    named = asset or AssetName("?", str(row["asset"]), "", "", "")
    return Line(
        number=number,
        what=f"{named.native_type} {named.native_id or named.name}",
        where=" ".join(part for part in (named.scope, named.region) if part),
        aspect=str(row["aspect"]),
        level=str(row["level"]),
        finding=str(row.get("reasonText", "")),
        source=str(row.get("source", "")),
        confidence=str(row.get("confidence", "")),
    )


def _text(contract: Mapping[str, Any], path: str) -> str:
    found = look_up(path, contract)
    return found if isinstance(found, str) and found != UNKNOWN else ""


def _attention(contract: Mapping[str, Any]) -> str:
    """Return whom the contract names on the provider's side for an exit."""
    contacts = contract.get("contacts")
    for contact in contacts if isinstance(contacts, list) else ():
        known = contact if isinstance(contact, dict) else {}
        if (known.get("party"), known.get("role")) == ("provider", "exit_lead"):
            name = str(known.get("name_or_function", ""))
            return "" if name == UNKNOWN else name
    return ""


def _dates(contract: Mapping[str, Any]) -> Iterator[ContractDate]:
    """Count back from the end of the contract: transition, then notice."""
    end = look_up("dates.end", contract)
    day = end if isinstance(end, dt.date) else None
    start = _before(day, _text(contract, "reversibility.transition.duration"))
    lacking = "dates.end" if day is None else ""
    no_transition = lacking or "reversibility.transition.duration"
    notice = _before(start, _text(contract, "termination.notice.switch"))
    no_notice = "termination.notice.switch" if start else no_transition
    yield ContractDate("notice", notice, "" if notice else no_notice)
    yield ContractDate("transition", start, "" if start else no_transition)
    yield ContractDate("end", day, lacking)


def _before(day: dt.date | None, period: str) -> dt.date | None:
    return shift(day, parse_period(f"-{period}")) if day and period else None


def _bases(contract: Mapping[str, Any], today: dt.date) -> Iterator[Basis]:
    """Yield the provisions whose regime applies to this contract, each article once."""
    if not contract:
        return
    results = {one.rule: one for one in check_rules(load_rules(), contract, today)}
    seen: set[str] = set()
    for rule in letter_words()["bases"]:
        result = results.get(rule)
        if result is None or result.outcome == "not-applicable" or result.source in seen:
            continue
        if _applies(contract, result.regime):
            seen.add(result.source)
            yield Basis(rule, result.source, result.mark)


def _applies(contract: Mapping[str, Any], regime: str) -> bool:
    """A regime that nobody has said applies is not cited to another party."""
    name = regime.lower().replace(" ", "_")
    return look_up(f"regimes.{name}.applies", contract) is True
