"""Check that no client exitkit makes is able to write."""

from __future__ import annotations

from pathlib import Path

import botocore.session
import pytest

from exitkit.drivers.aws_models import ReadOnlyLoader, cut_down

READ = [("sqs", "ListQueues"), ("s3", "GetObject")]


def client(environ: dict[str, str], service: str = "sqs") -> object:
    session = botocore.session.Session()
    session.register_component("data_loader", ReadOnlyLoader(READ, environ))
    session.set_credentials("x", "y")
    return session.create_client(service, region_name="eu-west-1")


def test_a_client_has_the_read_calls_and_no_other(tmp_path: Path) -> None:
    made = client({"XDG_CACHE_HOME": str(tmp_path)})
    assert hasattr(made, "list_queues")
    for write in ("delete_queue", "create_queue", "send_message"):
        with pytest.raises(AttributeError):
            getattr(made, write)


def test_the_cut_model_is_kept_for_the_next_run(tmp_path: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    client(environ)
    (kept,) = tmp_path.rglob("sqs.json")
    assert kept.stat().st_size < 20_000
    assert hasattr(client(environ), "list_queues")


def test_a_damaged_or_unwritable_cache_does_not_matter(tmp_path: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    client(environ)
    (kept,) = tmp_path.rglob("sqs.json")
    kept.write_text("{")
    assert hasattr(client(environ), "list_queues")
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert hasattr(client({"XDG_CACHE_HOME": str(blocked)}), "list_queues")


def test_shapes_that_no_call_reaches_are_gone() -> None:
    model = {
        "metadata": {},
        "operations": {
            "Read": {"output": {"shape": "Out"}, "documentation": "text"},
            "Write": {"input": {"shape": "In"}},
        },
        "shapes": {
            "Out": {"type": "structure", "members": {"documentation": {"shape": "Text"}}},
            "Text": {"type": "string", "documentation": "text"},
            "In": {"type": "structure", "members": {}},
        },
    }
    cut = cut_down(model, ["Read"])
    assert set(cut["operations"]) == {"Read"}
    assert cut["shapes"] == {
        "Out": {"type": "structure", "members": {"documentation": {"shape": "Text"}}},
        "Text": {"type": "string"},
    }
