"""Check that the portability facts can be trusted as far as they say, and never contradict."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import pytest
import yaml

from exitkit.errors import InputError
from exitkit.knowledge.kinds import all_kinds, aspects_of, kind_of
from exitkit.knowledge.portability import faults_of, knowledge_from, load_knowledge
from exitkit.model.verdict import Aspect, Level

KNOWLEDGE = load_knowledge()
AWS, AZURE = "aws", "azure"


def known_types() -> list[str]:
    document = yaml.safe_load((files("exitkit.knowledge") / "kinds.yaml").read_text())
    named = {
        native_type
        for row in document["kinds"].values()
        for native_type in row["types"]
        if "*" not in native_type
    }
    folder = files("exitkit.knowledge") / "portability"
    for entry in folder.iterdir():
        for row in yaml.safe_load(entry.read_text()).get("facts", ()):
            named |= set(row.get("types", ())) | set(row.get("except", ()))
    return sorted(named)


def provider_of(native_type: str) -> str:
    if native_type.startswith("AWS::"):
        return AWS
    return AZURE if native_type.startswith("Microsoft.") else native_type.split("/")[0].lower()


def test_the_knowledge_that_ships_has_no_fault() -> None:
    assert list(faults_of(KNOWLEDGE)) == []


@pytest.mark.parametrize("native_type", known_types())
def test_one_fact_decides_or_all_of_them_look_at_the_configuration(native_type: str) -> None:
    about = KNOWLEDGE.facts_about(provider_of(native_type), native_type)
    for aspect in Aspect:
        plain = [fact.id for fact in about if fact.aspect is aspect and not fact.when]
        runtime = [fact.id for fact in about if fact.aspect is aspect and fact.when]
        assert len(plain) + bool(runtime) <= 1, (plain, runtime)


@pytest.mark.parametrize("native_type", known_types())
def test_a_fact_speaks_only_of_aspects_that_apply(native_type: str) -> None:
    for fact in KNOWLEDGE.facts_about(provider_of(native_type), native_type):
        if fact.types:
            assert fact.aspect in aspects_of(kind_of(native_type)), fact.id


def test_a_fact_names_only_kinds_that_exist() -> None:
    assert {kind for fact in KNOWLEDGE.facts for kind in fact.kinds} <= set(all_kinds())


def test_no_fact_says_more_than_its_source_allows() -> None:
    fact = next(f for f in KNOWLEDGE.facts if KNOWLEDGE.sources[f.source].checked == "judgement")
    overstated = replace(KNOWLEDGE, facts=(replace(fact, confidence="high"),), caveats=())
    assert list(faults_of(overstated)) == [
        f"{fact.id}: high is more than a source judgement allows"
    ]


@pytest.mark.parametrize(
    ("native_type", "aspect", "config", "fact"),
    [
        ("AWS::KMS::Key", Aspect.CREDENTIALS, {"Origin": "AWS_KMS"}, "kms-key-material"),
        ("AWS::KMS::Key", Aspect.CREDENTIALS, {"Origin": "EXTERNAL"}, "kms-import"),
        ("AWS::KMS::Key", Aspect.CREDENTIALS, {"KeySpec": "RSA_2048"}, "kms-asym"),
        ("AWS::KMS::Key", Aspect.CREDENTIALS, {}, "kms-key-material"),
        ("AWS::EC2::EIP", Aspect.IDENTITY, {"PublicIpv4Pool": "amazon"}, "eip-owned"),
        ("AWS::EC2::EIP", Aspect.IDENTITY, {"PublicIpv4Pool": "ipv4pool-ec2-0"}, "byoip"),
        (
            "AWS::CertificateManager::Certificate",
            Aspect.CREDENTIALS,
            {"Options": {"Export": "ENABLED"}},
            "acm-export",
        ),
        ("AWS::CertificateManager::Certificate", Aspect.CREDENTIALS, {}, "acm-no-export"),
    ],
)
def test_the_configuration_chooses_the_fact(
    native_type: str, aspect: Aspect, config: dict[str, object], fact: str
) -> None:
    found = KNOWLEDGE.fact_for(AWS, native_type, aspect, config)
    assert found is not None
    assert found.id == fact


def test_an_unread_member_keeps_the_gloomy_fact() -> None:
    found = KNOWLEDGE.fact_for(AWS, "AWS::EC2::EIP", Aspect.IDENTITY, {})
    assert found is not None
    assert found.level is Level.NONE


def test_a_misspelled_field_is_refused_with_its_place() -> None:
    document = {"schema": "exitkit/portability/1", "facts": [{"id": "x", "levle": "none"}]}
    with pytest.raises(InputError, match=r"portability/mine\.yaml: facts/0"):
        knowledge_from({"mine.yaml": document}, {}, {})


def test_the_cost_of_a_workaround_is_the_facts_own_or_else_that_of_its_reason() -> None:
    knowledge = load_knowledge()
    key = next(fact for fact in knowledge.facts if fact.id == "kms-key-material")
    assert key.cost is not None
    assert knowledge.cost_of(key.reason, knowledge.cite(key)) == key.cost
    assert knowledge.cost_of("quota", "") == knowledge.reason("quota").cost
    # What a record cites decides only for the reason that the fact gives.
    assert knowledge.cost_of("quota", knowledge.cite(key)) == knowledge.reason("quota").cost


def test_every_obstacle_says_what_its_workaround_costs() -> None:
    knowledge = load_knowledge()
    for fact in knowledge.facts:
        if fact.workaround:
            cost = knowledge.cost_of(fact.reason, knowledge.cite(fact))
            assert cost.effort in knowledge.entries.efforts, fact.id
