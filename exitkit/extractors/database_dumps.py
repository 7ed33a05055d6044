"""Take the data of managed databases along as dumps of the engine's own program."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from exitkit import plugins
from exitkit.errors import CannotRun
from exitkit.model.asset import Asset
from exitkit.model.holdings import Dataset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.kept_content import KeptContent
from exitkit.store.paths import segment

if TYPE_CHECKING:
    from exitkit.drivers.database_dumps import Login

CLIENT = "psycopg:rehearsal"
LOSS = ("roles of the server and their passwords", "settings of the server")
FOREIGN = (
    "tables with generated columns cannot be loaded again: MariaDB's program dumped a server of"
    " MySQL; install MySQL's mysqldump, or name its folder in bin_dir"
)
DEADLINE_S = 3600


class DatabaseDumps:
    """The data of AWS::RDS::DBInstance and AWS::RDS::DBCluster, where a login is at hand."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::RDS::DBInstance", "AWS::RDS::DBCluster")
    aspect: ClassVar[Aspect] = Aspect.DATA
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield a dump of each database of the server, or why there is none."""
        if asset.config.get("DBClusterIdentifier") and asset.ref.native_type.endswith("Instance"):
            yield _gap(asset, "provider-managed", "its data is that of its cluster", "see there")
            return
        setting = _setting(asset, source.settings)
        if setting is None:
            yield _gap(
                asset, "permission-denied", "no entry of `databases:` names it a login",
                "make a login that may read all, and name the variables that hold it",
            )  # fmt: skip
            return
        try:
            login = _login(asset, source, setting, context.environ)
        except CannotRun as fault:
            yield _gap(asset, "permission-denied", str(fault), "set it and take the snapshot again")
            return
        if login is None:
            text = f"no program of ours dumps the engine {asset.config.get('Engine')}"
            yield _gap(asset, "not-supported-by-tool", text, "use the engine's own tools")
            return
        yield from _dumped(asset, source, context, login, setting)


def _setting(asset: Asset, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the first entry of `databases:` whose pattern fits the name of the server."""
    entries = settings.get("databases", ())
    return next((one for one in entries if fnmatchcase(asset.ref.native_id, one["server"])), None)


def _login(
    asset: Asset, source: Source, setting: Mapping[str, Any], environ: Mapping[str, str]
) -> Login | None:
    """Return where and as whom; None where the engine is none of ours."""
    if plugins.missing((CLIENT,)):
        raise CannotRun("psycopg is not installed; pip install 'exitkit-reversibility[rehearsal]'")
    from exitkit.drivers.database_dumps import FAMILY_OF, PORTS, Login

    engine = str(asset.config.get("Engine", ""))
    family = FAMILY_OF.get(engine)
    if family is None:
        return None
    # An instance answers with an object, a cluster with a name.
    told = asset.config.get("Endpoint")
    endpoint = told if isinstance(told, Mapping) else {"Address": told}
    port = endpoint.get("Port") or asset.config.get("Port") or PORTS[family]
    variables = [str(setting["user_env"]), str(setting["password_env"])]
    for variable in variables:
        if not environ.get(variable):
            raise CannotRun(f"the variable {variable} holds nothing")
    host = str(setting.get("host") or endpoint.get("Address") or "")
    if not host:
        raise CannotRun("AWS names no endpoint for it; set `host`")
    return Login(
        family, host, int(setting.get("port") or port), environ[variables[0]],
        environ[variables[1]], str(setting.get("bin_dir") or ""),
        str(source.base / setting["ca_file"]) if "ca_file" in setting else "", engine,
    )  # fmt: skip


def _dumped(
    asset: Asset, source: Source, context: Context, login: Login, setting: Mapping[str, Any]
) -> Iterator[Finding]:
    from exitkit.drivers.database import DatabaseError
    from exitkit.drivers.database_dumps import FORMATS, TooLarge, databases, is_foreign

    most, deadline_s = context.limits.inline_data_bytes, int(setting.get("deadline_s", DEADLINE_S))
    method = f"{login.family}:dump"
    contents: list[Content] = []
    losses = [*LOSS]
    size = 0
    try:
        names = databases(login, setting.get("databases") or ["*"], context.limits.call_deadline_s)
        yield _call(asset, source, f"{login.family}:databases", len(names))
        for number, name in enumerate(names):
            spooled = context.spool / f"{asset.ref.urn.removeprefix('urn:uuid:')}-{number}.sql"
            taken_bytes, taken_at = _dump_once(
                asset, context, login, name, spooled, most - size, deadline_s
            )
            size += taken_bytes
            if taken_at:
                losses.append(f"changes of {name} since {taken_at}, when it was dumped")
            path = f"{_folder(asset)}/{segment(name, 60)}.sql"
            contents.append(Content(path, spooled, "application/sql", "data"))
    except TooLarge as fault:
        yield _call(asset, source, method, 0, DatabaseError(str(fault)), CallOutcome.EXCLUDED)
        yield _too_large(asset, str(fault), most)
        return
    except DatabaseError as fault:
        refused = CallOutcome.REFUSED if fault.permission else CallOutcome.UNAVAILABLE
        yield _call(asset, source, method, 0, fault, refused)
        reason = "permission-denied" if fault.permission else "api-error"
        yield _gap(asset, reason, str(fault), "let exitkit reach it, or dump it by hand")
        return
    except CannotRun as fault:
        yield _gap(asset, "not-supported-by-tool", str(fault), "then take the snapshot again")
        return
    yield _call(asset, source, method, len(contents))
    if not context.budget.claim(size, most):
        yield _too_large(asset, f"{size} bytes go beyond what is left of the budget", most)
        return
    yield Dataset(asset.ref, FORMATS[login.family], len(contents), size)
    yield Draft(
        asset.ref, Aspect.DATA, Level.IMPORTABLE, method, FORMATS[login.family],
        tuple(contents), (*losses, FOREIGN) if is_foreign(login) else tuple(losses), size,
    )  # fmt: skip


def _dump_once(
    asset: Asset, context: Context, login: Login, name: str, to: Path, most: int, deadline_s: int
) -> tuple[int, str]:
    """Dump a database unless an earlier start has; return the size, and when it was then.

    A dump that was cut short is of no use to its program: it is made anew.
    """
    from exitkit.drivers.aws_kept import key_of
    from exitkit.drivers.database_dumps import TooLarge, dump

    kept = KeptContent.below(context.kept)
    where = login.engine, login.host, login.port, login.user
    key, now = key_of("dump", asset.ref.urn, name, *where), context.now.isoformat()
    if known := kept.take(key, to):
        if known["size_bytes"] > most:
            to.unlink()
            raise TooLarge(f"the dump is larger than {most} bytes")
        return known["size_bytes"], known["at"] if known["at"] != now else ""
    size = dump(login, name, to, most, deadline_s)
    with to.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    kept.keep(key, to, sha256, {"size_bytes": size, "at": now})
    return size, ""


def _folder(asset: Asset) -> str:
    place = f"rds-{asset.ref.scope}-{asset.ref.region}-{asset.ref.native_id}"
    return f"datasets/{segment(place, 90)}"


def _call(
    asset: Asset, source: Source, operation: str, count: int,
    fault: Any = None, failed: CallOutcome = CallOutcome.UNAVAILABLE,
) -> Call:  # fmt: skip
    done = CallOutcome.COLLECTED if count else CallOutcome.EMPTY
    return Call(
        source.id, asset.ref.scope, asset.ref.region, operation, failed if fault else done, count,
        asset.ref.native_id, fault.permission if fault else "", str(fault) if fault else "",
    )  # fmt: skip


def _gap(asset: Asset, reason: str, text: str, workaround: str) -> Gap:
    responsible = {
        "not-supported-by-tool": Responsible.TOOL, "provider-managed": Responsible.PROVIDER,
    }.get(reason, Responsible.CUSTOMER)  # fmt: skip
    return Gap(
        asset.ref, Aspect.DATA, Level.NOT_ATTEMPTED, reason, text, responsible, workaround,
        confidence="high",
    )  # fmt: skip


def _too_large(asset: Asset, text: str, most: int) -> Gap:
    return Gap(
        asset.ref, Aspect.DATA, Level.DESCRIBED, "too-large",
        f"{text}; limits.inline_data_bytes is {most}", Responsible.TOOL,
        "dump it with the engine's own program and move the file", confidence="high",
    )  # fmt: skip
