"""Join the fragments of docs/changes into CHANGELOG.md under a new version."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
KINDS = {"added": "Added", "changed": "Changed", "fixed": "Fixed", "removed": "Removed"}
MARK = "<!-- new versions go below this line -->"


def main() -> int:
    """Write the new section, then remove the fragments it was made from."""
    version = sys.argv[1]
    fragments = sorted((ROOT / "docs/changes").glob("*.md"))
    fragments = [path for path in fragments if path.name != "README.md"]
    changelog = ROOT / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    if f"## {version} " in text:
        print(f"CHANGELOG.md: {version} is there already; raise the version in pyproject.toml")
        return 2
    section = [f"## {version} ({dt.datetime.now(dt.UTC).date().isoformat()})", ""]
    for kind, title in KINDS.items():
        lines = [p.read_text(encoding="utf-8").strip() for p in fragments if _kind(p) == kind]
        if lines:
            section += [f"### {title}", "", *(f"- {line}" for line in lines), ""]
    changelog.write_text(text.replace(MARK, "\n".join([MARK, "", *section]).rstrip() + "\n", 1))
    for path in fragments:
        path.unlink()
    print(f"CHANGELOG.md: {version} from {len(fragments)} fragments")
    return 0


def _kind(path: Path) -> str:
    """`0007-approvals.added.md` is about something added."""
    kind = path.suffixes[-2].removeprefix(".") if len(path.suffixes) > 1 else ""
    if kind not in KINDS:
        raise SystemExit(f"{path}: name it <what>.<{'|'.join(KINDS)}>.md")
    return kind


if __name__ == "__main__":
    sys.exit(main())
