"""Write which arguments Terraform's classic AWS provider takes, for the types that are mapped.

The provider itself cannot be asked without its program. The names stand in the prebuilt bindings
`cdktf-cdktf-provider-aws` (PyPI, last release December 2025): `make catalog` gives their wheel.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from exitkit.knowledge.aws_iac import terraform_types

DESTINATION = Path(__file__).parents[2] / "exitkit/knowledge/aws/iac/terraform_schemas.json.gz"
META = {"connection", "count", "dependsOn", "forEach", "lifecycle", "provider", "provisioners"}
NOT_OURS = {"id", "region", "tags_all", "timeouts"}
"""Arguments that say where, or how long to wait, and nothing of the thing."""
DEEPEST = 6


def main() -> None:
    """Distill the bindings and say what came out."""
    bindings = Bindings(Path(sys.argv[1]))
    document = {
        "source": Path(sys.argv[1]).name,
        "types": {name: bindings.resource(name) for name in sorted(terraform_types())},
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    DESTINATION.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(document['types'])} types, wrote {DESTINATION}")


class Bindings:
    """The assembly inside the wheel; `configs` names the struct of each resource's arguments."""

    def __init__(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (one for one in archive.namelist() if one.endswith(".jsii.tgz"))
            with tarfile.open(fileobj=BytesIO(archive.read(name))) as inner:
                assembly = inner.extractfile("package/.jsii")
                if assembly is None:
                    sys.exit(f"{wheel}: holds no assembly")
                self.types: dict[str, Any] = json.load(assembly)["types"]
        self.configs = dict(self._resources())

    def resource(self, name: str) -> dict[str, Any]:
        """Return the arguments of a resource type."""
        found = self._struct(self.configs[name], ())
        return {argument: rule for argument, rule in found.items() if argument not in NOT_OURS}

    def _resources(self) -> Any:
        for row in self.types.values():
            if not str(row.get("base", "")).endswith(".TerraformResource"):
                continue
            link = re.search(r"/docs/resources/\w+ (\w+)\}", json.dumps(row.get("docs", {})))
            parameters = row.get("initializer", {}).get("parameters", [])
            config = next((one for one in parameters if one["name"] == "config"), None)
            if link and config and "fqn" in config["type"]:
                yield link[1], config["type"]["fqn"]

    def arguments(self, struct: str, *, is_top: bool) -> Iterator[tuple[str, bool, str, str]]:
        """Yield each argument, whether it is required, its kind, and the struct of its block."""
        for row in self.types.get(struct, {}).get("properties", []):
            if not (is_top and row["name"] in META):
                yield _argument(row), not row.get("optional", False), *self._kind(row["type"])

    def _struct(self, name: str, around: tuple[str, ...]) -> dict[str, Any]:
        found = {}
        for argument, required, kind, inner in self.arguments(name, is_top=not around):
            rule: dict[str, Any] = {"required": required, "type": kind}
            if inner:
                if inner in around or len(around) >= DEEPEST:
                    continue
                rule |= {"type": "block", "block": self._struct(inner, (*around, inner))}
            found[argument] = rule
        return found

    def _kind(self, told: Mapping[str, Any]) -> tuple[str, str]:
        """Return the kind of a value, and the type of a nested block."""
        if "primitive" in told:
            return {"boolean": "bool"}.get(told["primitive"], told["primitive"]), ""
        if "collection" in told:
            kind, inner = self._kind(told["collection"]["elementtype"])
            word = {"array": "list", "map": "map"}[told["collection"]["kind"]]
            return f"{word}:{kind}", inner
        if "union" in told:
            kinds = [self._kind(one) for one in told["union"]["types"]]
            blocks = [one for one in kinds if one[1]]
            plain = [one for one in kinds if one[0] in ("bool", "number", "string")]
            return (blocks or plain or kinds)[0]
        if "fqn" in told and not told["fqn"].endswith("IResolvable"):
            return "block", told["fqn"]
        return "any", ""


def _argument(row: Mapping[str, Any]) -> str:
    """Return the name as Terraform spells it, which the documentation links to."""
    link = re.search(r"#([a-z0-9_]+)\s", json.dumps(row.get("docs", {})))
    return link[1] if link else re.sub(r"([A-Z])", r"_\1", row["name"]).lower()


if __name__ == "__main__":
    main()
