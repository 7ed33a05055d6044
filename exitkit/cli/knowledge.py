"""Show what is known of a type, how much is known at all, and whether it holds together."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from exitkit.cli.output import json_option, show_json
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.kinds import aspects_of, kind_of
from exitkit.knowledge.portability import Fact, Knowledge, knowledge_from, load_knowledge
from exitkit.knowledge.statistics import statistics
from exitkit.knowledge.type_entries import WAYS, TypeEntry
from exitkit.model.verdict import Aspect
from exitkit.report.cost_words import cost_words
from exitkit.store.canonical import storable
from exitkit.workspace.yaml_lines import read_yaml

PROVIDERS = {"aws::": "aws", "microsoft.": "azure", "license/": "licenses", "git/": "scripts"}


@click.group(name="knowledge")
def command() -> None:
    """Look into what exitkit knows of the way out."""


@command.command("show")
@click.argument("native_type")
@json_option
def show(native_type: str, *, as_json: bool) -> int:
    """Show all that is known of NATIVE_TYPE, with its sources and how well they were read.

    NATIVE_TYPE is the provider's own word, `AWS::RDS::DBInstance` or
    `Microsoft.Compute/virtualMachines`, whatever its case.
    """
    knowledge = load_knowledge()
    name = _spelled(native_type, knowledge)
    document = _document(name, knowledge)
    if as_json:
        show_json(document)
    else:
        _print_type(document)
    return EXIT_CLEAN


@command.command("stats")
@json_option
def stats(*, as_json: bool) -> int:
    """Count what is known, by confidence, by how its source was checked, and by provider."""
    counted = statistics(load_knowledge())
    if as_json:
        show_json(
            {
                "facts": counted.facts, "caveats": counted.caveats,
                "cannotBeExported": counted.cannot,
                "byConfidence": dict(counted.by_confidence), "byCheck": dict(counted.by_check),
                "byLevel": dict(counted.by_level), "typesOfTheirOwn": dict(counted.own),
                "kinds": counted.kinds, "equivalents": counted.equivalents,
                "timings": counted.timings, "sources": counted.sources,
                "listedTypes": counted.listed, "without": list(counted.without),
            }
        )  # fmt: skip
        return EXIT_CLEAN
    click.echo(
        f"{counted.facts} facts and {counted.caveats} caveats from {counted.sources} sources"
    )
    click.echo(f"{counted.cannot} of them say what cannot be exported as it is")
    for title, rows in (
        ("confidence", counted.by_confidence),
        ("source checked by", counted.by_check),
        ("level", counted.by_level),
        ("types with an entry of their own", counted.own),
    ):
        click.echo(f"{title}: {', '.join(f'{count} {word}' for word, count in rows)}")
    click.echo(
        f"{counted.kinds} kinds for all other types, {counted.equivalents} equivalents, "
        f"{counted.timings} timings"
    )
    click.echo(
        f"{len(counted.without)} of {counted.listed} listed AWS types have neither an entry nor a "
        "kind with one"
    )
    return EXIT_CLEAN


@command.command("lint")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def lint(files: tuple[Path, ...]) -> int:
    """Check the knowledge that ships, and FILES as if they were part of it.

    For whoever writes facts: the schema, sources, reasons, ids, and that no confidence is higher
    than its source allows. Exit code 1 where something is wrong.
    """
    knowledge = load_knowledge()
    faults = list(_faults(files, knowledge))
    for fault in faults:
        click.echo(fault)
    click.echo(f"{1 + len(files)} read, {len(faults)} faults")
    return EXIT_FOUND if faults else EXIT_CLEAN


def _faults(files: tuple[Path, ...], knowledge: Knowledge) -> Iterator[str]:
    sources = {
        key: {
            "kind": one.kind, "reference": one.reference, "quote": one.quote,
            "checked": one.checked,
        }
        for key, one in knowledge.sources.items()
    }  # fmt: skip
    reasons = {
        code: {
            "text": one.text, "responsible": one.responsible.value, "workaround": one.workaround,
            "effort": one.cost.effort, "lead_days": one.cost.lead_days,
        }
        for code, one in knowledge.reasons.items()
    }  # fmt: skip
    for path in files:
        try:
            document = storable(read_yaml(path).value)
            named = document.get("sources") if isinstance(document, dict) else None
            own = document.pop("sources") if isinstance(named, dict) else {}
            knowledge_from({path.name: document}, sources | own, reasons, knowledge.entries)
        except InputError as fault:
            said = " ".join(str(fault).split())
            yield said if said.startswith(str(path)) else f"{path}: {said}"


def _spelled(native_type: str, knowledge: Knowledge) -> str:
    """Return the type as its provider spells it; an InputError names the nearest ones."""
    known = {name.lower(): name for name in load_catalog().types}
    known |= {name: entry.name for name, entry in knowledge.entries.types.items()}
    known |= {name: name for fact in knowledge.facts for name in fact.types if name not in known}
    if native_type.lower() in known:
        return known[native_type.lower()]
    near = difflib.get_close_matches(native_type.lower(), known, n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(known[one] for one in near)}?" if near else "see docs"
    raise InputError(f"{native_type}: nothing is known of such a type; {hint}")


def _document(native_type: str, knowledge: Knowledge) -> dict[str, Any]:
    lowered = native_type.lower()
    provider = next((who for p, who in PROVIDERS.items() if lowered.startswith(p)), "network")
    kind = kind_of(native_type)
    entry = knowledge.entry_for(native_type)
    facts = knowledge.facts_about(provider, native_type)
    return {
        "type": native_type,
        "kind": kind,
        "aspects": [
            {
                "aspect": aspect.value,
                "facts": [_fact_json(f, knowledge) for f in facts if f.aspect is aspect],
                "lost": list(knowledge.caveats_for(native_type, aspect)),
            }
            for aspect in _aspects(kind, facts)
        ],
        "whole": _entry_json(entry, knowledge) if entry else None,
        "timing": [
            {"text": one.text, "minutes": one.minutes, "date": one.date and one.date.isoformat(),
             "source": knowledge.sources[one.source].reference, "confidence": one.confidence}
            for one in knowledge.timing_for(native_type)
        ],
        "call": _call_json(native_type),
    }  # fmt: skip


def _aspects(kind: str, facts: tuple[Fact, ...]) -> list[Aspect]:
    return list(dict.fromkeys((*aspects_of(kind), *(fact.aspect for fact in facts))))


def _fact_json(fact: Fact, knowledge: Knowledge) -> dict[str, Any]:
    source = knowledge.sources[fact.source]
    cost = knowledge.cost_of(fact.reason, knowledge.cite(fact)) if fact.reason else None
    return {
        "id": fact.id, "level": fact.level.value, "when": fact.when, "text": fact.text,
        "reasonCode": fact.reason, "responsible": fact.responsible and fact.responsible.value,
        "workaround": fact.workaround, "effort": cost and cost.effort,
        "leadDays": cost and cost.lead_days, "cost": cost and cost_words(cost, knowledge),
        "confidence": fact.confidence,
        "source": source.reference, "checked": source.checked, "quote": source.quote,
    }  # fmt: skip


def _entry_json(entry: TypeEntry, knowledge: Knowledge) -> dict[str, Any]:
    effort = knowledge.entries.efforts[entry.effort]
    return {
        "basis": "kind" if entry.is_by_kind else "type",
        "way": entry.way,
        "effort": {
            "id": effort.id, "fixedMinutes": effort.fixed_minutes,
            "assetMinutes": effort.asset_minutes, "confidence": effort.confidence,
        },
        "configuration": entry.configuration,
        "data": entry.data,
        "format": entry.format,
        "equivalents": [
            {"name": one.name, "kind": one.kind, "interface": one.interface}
            for one in map(knowledge.entries.equivalents.__getitem__, entry.equivalents)
        ],
        "source": knowledge.sources[entry.source].reference,
        "confidence": entry.confidence,
    }  # fmt: skip


def _call_json(native_type: str) -> dict[str, str] | None:
    catalog = load_catalog()
    row = catalog.types.get(native_type)
    if row is None:
        return None
    permission = catalog.permission(row.service, row.operation)
    return {"operation": f"{row.service}:{row.operation}", "permission": permission}


def _print_type(document: dict[str, Any]) -> None:
    click.secho(f"{document['type']} ({document['kind']})", bold=True)
    for row in document["aspects"]:
        click.echo(f"{row['aspect']}:")
        if not row["facts"]:
            click.echo("  nothing is known: the verdict is `unknown` unless an extractor holds it")
        for fact in row["facts"]:
            when = f" when {fact['when']}" if fact["when"] else ""
            click.echo(f"  {fact['level']}{when}: {fact['text']}")
            if fact["reasonCode"]:
                click.echo(f"    {fact['reasonCode']}, {fact['responsible']}: {fact['workaround']}")
                click.echo(f"    {fact['cost']}")
            click.echo(f"    {fact['confidence']}: {fact['source']} ({fact['checked']})")
        for text in row["lost"]:
            click.echo(f"  lost: {text}")
    whole = document["whole"]
    if whole:
        click.echo(f"as a whole: {whole['way']} ({WAYS[whole['way']]})")
        effort = whole["effort"]
        click.echo(
            f"  work: {effort['fixedMinutes']} minutes once, {effort['assetMinutes']} minutes for "
            f"each; {effort['confidence']} confidence, never measured"
        )
        for name in ("configuration", "data", "format"):
            if whole[name]:
                click.echo(f"  {name}: {whole[name]}")
        for one in whole["equivalents"]:
            click.echo(f"  instead: {one['name']} ({one['kind']}; {one['interface']})")
        click.echo(f"  {whole['confidence']}: {whole['source']}, by its {whole['basis']}")
    for one in document["timing"]:
        click.echo(f"time: {one['text']}{_number(one)} ({one['confidence']}: {one['source']})")
    if document["call"]:
        click.echo(f"listed by {document['call']['operation']}, {document['call']['permission']}")


def _number(timing: dict[str, Any]) -> str:
    if timing["minutes"]:
        return f": {timing['minutes']} minutes"
    return f": {timing['date']}" if timing["date"] else ""
