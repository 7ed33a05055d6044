"""Read one PDF as a process of its own, so that a hostile one costs that process and no more."""

from __future__ import annotations

import json
import logging
import resource
import sys
from pathlib import Path

from pypdf import PdfReader

MOST_MEMORY_BYTES = 2 * 1024 * 1024 * 1024


def main() -> int:
    """Write what the PDF named by the first argument says, as one JSON object."""
    path, deadline_s, most_characters = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (deadline_s, deadline_s))
    logging.disable(logging.CRITICAL)
    json.dump(_read(path, most_characters), sys.stdout)
    return 0


def _read(path: Path, most_characters: int) -> dict[str, str]:
    answer = dict.fromkeys(("text", "title", "author", "modified", "fault"), "")
    reader = PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        return {**answer, "fault": "encrypted: it needs a password"}
    about = reader.metadata
    if about:
        answer["title"], answer["author"] = str(about.title or ""), str(about.author or "")
        answer["modified"] = _day(str(about.get("/ModDate") or about.get("/CreationDate") or ""))
    pages: list[str] = []
    left = most_characters
    for page in reader.pages:
        pages.append(page.extract_text())
        left -= len(pages[-1])
        if left < 0:
            return {**answer, "fault": f"more than {most_characters} characters of text"}
    return {**answer, "text": "\n".join(pages)}


def _day(written: str) -> str:
    """Return the day of a PDF date (`D:20260131...`); what is none becomes one that is refused."""
    digits = written.removeprefix("D:")[:8]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == len("20260131") else ""


if __name__ == "__main__":
    sys.exit(main())
