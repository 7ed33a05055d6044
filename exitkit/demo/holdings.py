"""Say what each source other than the clouds brought home, and hold it to what was planted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from exitkit.demo.arm_estate import CORE, PROVIDER_SUBSCRIPTION
from exitkit.demo.aws_seed import COLLECTOR
from exitkit.demo.ssh_host import HOST_RIGHTS, HOST_USERS
from exitkit.errors import EXIT_FOUND
from exitkit.store.reader import Bundle

RUNBOOK_ID = (
    f"{CORE}/providers/microsoft.automation/automationaccounts/aa-core/runbooks/restart-web"
).lower()
CLASSES = {
    "git/legacy-jobs": "rewrite", "git/runbooks": "rewrite", "scripts/check-disk.sh": "portable",
    "scripts/open-ticket.sh": "adapt", RUNBOOK_ID: "rewrite",
}  # fmt: skip
"""How each planted script has to be classed."""


class Teller(Protocol):
    """What this part needs of the story."""

    @property
    def say(self) -> Callable[[str], None]:
        """Take a line for people."""
        ...

    def asked(self, *arguments: str, expect: int = 0) -> Any:
        """Run a reading command with --json and return what it answers."""
        ...

    def check(self, holds: bool, what: str) -> None:
        """Say what was checked."""
        ...


@dataclass(frozen=True, slots=True)
class Holdings:
    """The sources that a bundle holds beside the clouds, told one by one."""

    story: Teller
    bundle: Bundle

    def tell(self) -> None:
        """Tell of every source in the order of the workspace."""
        for line in self._by_source():
            self.story.say(f"  {line}")
        self._licenses()
        self._scripts()
        self._access()
        self._documents()
        self._joint_inventory()

    def _by_source(self) -> Iterator[str]:
        """Yield how much each source found, by native type."""
        source_of = {str(row["scope"]): str(row["source"]) for row in self.bundle.records("scopes")}
        found: dict[str, Counter[str]] = {}
        for row in self.bundle.records("assets"):
            provider = row["provider"]
            source = source_of.get(str(provider["scope"]), str(provider["name"]))
            found.setdefault(source, Counter())[str(row["kind"])] += 1
        for source, kinds in sorted(found.items()):
            most = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4))
            more = f" and {len(kinds) - 4} kinds more" if len(kinds) > 4 else ""
            yield f"{source}: {kinds.total()} assets: {most}{more}"

    def _has_host(self) -> bool:
        return any(row["provider"]["name"] == "hosts" for row in self.bundle.records("assets"))

    def _licenses(self) -> None:
        told = self.story.asked("licenses", expect=EXIT_FOUND)
        by_word = Counter(str(one["transferable"]) for one in told["licenses"])
        words = ", ".join(f"{count} {word}" for word, count in sorted(by_word.items()))
        self.story.say(f"    {len(told['licenses'])} licenses, transferable: {words}")
        findings = {str(one["product"]): one["findings"] for one in told["licenses"]}
        for product, lines in findings.items():
            for line in lines:
                self.story.say(f"    {product}: {line}")
        lapsing = {product for product, lines in findings.items() if "before" in str(lines)}
        self.story.check(
            "Relational database" in lapsing and "Monitoring" not in lapsing,
            f"{len(lapsing)} licenses lapse before the exit; the one that renews does not",
        )
        if self._has_host():
            users = f"{len(HOST_USERS)} users in use where 2 are bought"
            self.story.check(findings["Shop console"] == [users], "one has more users than bought")

    def _scripts(self) -> None:
        names = {str(row["@id"]): str(row["provider"]["nativeId"])
                 for row in self.bundle.records("assets")}  # fmt: skip
        classes = {
            names[str(row["asset"])]: str(row["portability"])
            for row in self.bundle.records("automation")
        }
        counted = Counter(classes.values())
        self.story.say(f"  scripts: {', '.join(f'{n} {word}' for word, n in counted.items())}")
        right = all(classes.get(name) == word for name, word in CLASSES.items())
        self.story.check(right, "every planted script is classed as it is")

    def _access(self) -> None:
        told = self.story.asked("access", "--holder", "provider")
        rights = {(one["principalPlace"]["nativeId"], one["permission"]) for one in told["rights"]}
        for one in told["rights"]:
            self.story.say(f"    {one['permission']} on {one['resource']} ({one['because']})")
        peering = f"peered-with:{PROVIDER_SUBSCRIPTION}"
        self.story.check(
            peering in {permission for _, permission in rights},
            "the peering with the provider's own network is a right of the provider",
        )
        used = {row["principalPlace"]["nativeId"] for row in self.bundle.records("access")
                if "lastUsedOn" in row}  # fmt: skip
        self.story.check(COLLECTOR in used, "whose key was used is seen at work")
        if self._has_host():
            self.story.check(rights >= HOST_RIGHTS, "the provider's ways into the host are marked")

    def _documents(self) -> None:
        told = self.story.asked("documents", expect=EXIT_FOUND)
        states = {str(one["id"]): str(one["state"]) for one in told["required"]}
        for finding in told["findings"]:
            self.story.say(f"    {finding}")
        wrong = {name: state for name, state in states.items() if state != "present"}
        self.story.check(
            wrong == {"proofs": "missing", "technical-annex": "stale"},
            f"{len(states) - len(wrong)} required documents are there, one is stale, one missing",
        )

        explained = {
            str(row["from"])
            for row in self.bundle.records("relations")
            if row["relation"] == "documentedBy" and row["basis"] == "inferred"
        }
        self.story.say(f"    {len(explained)} things are named by a document that has to be there")
        self.story.check(bool(explained), "runbooks lead to the machines they are about")

    def _joint_inventory(self) -> None:
        told = self.story.asked("joint-inventory", expect=EXIT_FOUND)
        standings = Counter(str(line["standing"]) for line in told["lines"])
        words = ", ".join(f"{count} {word}" for word, count in standings.items())
        self.story.say(f"    declared against observed: {words}")
        self.story.check(
            all(standings[one] == 1 for one in ("declared-only", "differing", "declared-twice")),
            "what nobody observed, what is declared otherwise and what stands twice are found",
        )


def answer_of(output: str) -> Mapping[str, Any]:
    """Return the JSON that a command printed; nothing where it printed none."""
    try:
        answer = json.loads(output)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
