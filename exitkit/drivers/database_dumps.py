"""Dump databases with the engine's own program, within bounds of time and size."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from psycopg.conninfo import make_conninfo

from exitkit.drivers.database import DatabaseError
from exitkit.drivers.postgres import client_environ, open_database
from exitkit.errors import CannotRun

POSTGRES, MYSQL = "postgres", "mysql"
FAMILY_OF = {
    "postgres": POSTGRES, "aurora-postgresql": POSTGRES,
    "mysql": MYSQL, "mariadb": MYSQL, "aurora-mysql": MYSQL, "aurora": MYSQL,
}  # fmt: skip
FORMATS = {POSTGRES: "pg_dump script (SQL)", MYSQL: "mysqldump script (SQL)"}
PORTS = {POSTGRES: 5432, MYSQL: 3306}
_PROGRAMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "dump": {POSTGRES: ("pg_dump",), MYSQL: ("mariadb-dump", "mysqldump")},
    "client": {MYSQL: ("mariadb", "mysql")},
}
_MYSQL_OWN = frozenset({"mysql", "aurora-mysql", "aurora"})
"""Engines of MySQL's make, whose generated columns MariaDB's program takes for others."""
_SYSTEM = {
    POSTGRES: ("rdsadmin",),
    MYSQL: ("information_schema", "performance_schema", "mysql", "sys", "innodb", "tmp"),
}
LONGEST_MESSAGE = 64 * 1024
_RANDOM = re.compile(rb"\\(un)?restrict [A-Za-z0-9]+\n\Z")
_REFUSED = re.compile(r"permission denied|access denied|password authentication failed", re.I)


@dataclass(frozen=True, slots=True)
class Login:
    """Where a server of a family is reached, and as whom; `ca_file` makes its name be checked."""

    family: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    bin_dir: str = ""
    ca_file: str = ""
    engine: str = ""


class TooLarge(DatabaseError):
    """The dump is larger than what may still be taken."""


def databases(login: Login, patterns: Sequence[str], deadline_s: int) -> list[str]:
    """Return the names of the customer's databases on the server that fit one of the patterns."""
    listed = _postgres_names if login.family == POSTGRES else _mysql_names
    names = (name for name in listed(login, deadline_s) if name not in _SYSTEM[login.family])
    return sorted(name for name in names if any(fnmatchcase(name, one) for one in patterns))


def dump(login: Login, database: str, to: Path, most_bytes: int, deadline_s: int) -> int:
    """Write the dump of a database to a file, equal for an unchanged one, and return its size."""
    with _prepared(login, database, to) as (command, environ):
        try:
            return _streamed(command, environ, to, most_bytes, deadline_s)
        except DatabaseError:
            to.unlink(missing_ok=True)
            raise


def is_foreign(login: Login) -> bool:
    """Tell whether MariaDB's program dumps a server of MySQL; it has MySQL's name on some systems.

    Its scripts give generated columns a value, and MySQL refuses to load those.
    """
    if login.engine not in _MYSQL_OWN:
        return False
    asked = [_program("dump", login), "--version"]
    told = subprocess.run(asked, env=_mysql_environ(), capture_output=True, check=False, timeout=60)
    return b"MariaDB" in told.stdout


def _postgres_names(login: Login, deadline_s: int) -> list[str]:
    query = "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate"
    try:
        with open_database(_dsn(login, "postgres"), deadline_s=deadline_s) as server:
            return [str(row[0]) for row in server.rows(query)]
    except DatabaseError as fault:
        raise _fault(str(fault).encode()) from fault


def _mysql_names(login: Login, deadline_s: int) -> list[str]:
    program = _program("client", login)
    with _option_file(login, None) as options:
        command = [
            program, f"--defaults-extra-file={options}", "--batch", "--skip-column-names",
            "--execute=SELECT schema_name FROM information_schema.schemata",
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, env=_mysql_environ(), capture_output=True, check=False, timeout=deadline_s
            )
        except subprocess.TimeoutExpired as timeout:
            raise DatabaseError(f"no answer within {deadline_s} s") from timeout
    if done.returncode:
        raise _fault(done.stderr)
    return done.stdout.decode("utf-8", "replace").splitlines()


@contextmanager
def _prepared(
    login: Login, database: str, to: Path
) -> Iterator[tuple[list[str], Mapping[str, str]]]:
    """Lend the command of a dump and its environment; no password stands among the arguments."""
    program = _program("dump", login)
    if login.family == POSTGRES:
        dsn = _dsn(login, database)
        yield (
            [program, "--format=plain", "--no-password", f"--dbname={database}"],
            client_environ(dsn),
        )
        return
    with _option_file(login, to) as options:
        yield [
            program, f"--defaults-extra-file={options}", "--single-transaction", "--quick",
            "--routines", "--triggers", "--events", "--hex-blob", "--skip-dump-date",
            "--no-tablespaces", "--default-character-set=utf8mb4", "--databases", "--", database,
        ], _mysql_environ()  # fmt: skip


def _streamed(
    command: Sequence[str], environ: Mapping[str, str], to: Path, most_bytes: int, deadline_s: int
) -> int:
    """Run a dump into a file; stop it where it goes beyond its bounds."""
    errors = to.with_name(f"{to.name}.errors")
    late = threading.Event()
    with to.open("wb") as out, errors.open("wb+") as said:
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=said)

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(deadline_s, give_up)
        timer.start()
        size = 0
        try:
            for line in _without_random(process):
                size += len(line)
                if size > most_bytes:
                    process.kill()
                    break
                out.write(line)
            code = process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
        said.seek(0)
        message = said.read(LONGEST_MESSAGE)
    errors.unlink()
    if size > most_bytes:
        raise TooLarge(f"the dump is larger than {most_bytes} bytes")
    if late.is_set():
        raise DatabaseError(f"the dump did not end within {deadline_s} s")
    if code:
        raise _fault(message)
    return size


def _without_random(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield the lines of a dump less those that differ each time, or that no older client reads."""
    stream = process.stdout
    if stream is None:
        return
    token = b""
    for number, line in enumerate(stream):
        # A token is the first command of a dump, and its twin the last: rows cannot know it.
        if not token and (found := _RANDOM.match(line)) and not found[1]:
            token = line.split()[1]
        elif token and line == b"\\unrestrict " + token + b"\n":
            token = b""
        elif number or not line.startswith(b"/*M!999999"):
            yield line


def _program(what: str, login: Login) -> str:
    names = _PROGRAMS[what][login.family]
    for name in reversed(names) if login.engine in _MYSQL_OWN else names:
        if found := shutil.which(name, path=login.bin_dir or None):
            return found
    raise CannotRun(f"{' or '.join(names)}: not found; install it, or set `bin_dir`")


def _dsn(login: Login, database: str) -> str:
    checked = {"sslmode": "verify-full", "sslrootcert": login.ca_file} if login.ca_file else {}
    dsn: str = make_conninfo(
        host=login.host, port=login.port, user=login.user, password=login.password,
        dbname=database, connect_timeout="15", **checked,
    )  # fmt: skip
    return dsn


@contextmanager
def _option_file(login: Login, beside: Path | None) -> Iterator[Path]:
    """Lend a file with the login that only we can read."""
    folder = Path(tempfile.mkdtemp(prefix="login-", dir=beside.parent if beside else None))
    try:
        path = folder / "options.cnf"
        path.touch(mode=0o600)
        lines = [
            "[client]", f"host={_option(login.host)}", f"port={login.port}", "protocol=tcp",
            f"user={_option(login.user)}", f"password={_option(login.password)}",
            *_checked_name(login),
            # What only MySQL's own program knows, and what disturbs other servers.
            "[mysqldump]", "loose-set-gtid-purged=OFF", "loose-column-statistics=0",
        ]  # fmt: skip
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _checked_name(login: Login) -> list[str]:
    if not login.ca_file:
        return []
    return [f"ssl-ca={_option(login.ca_file)}", "loose-ssl-verify-server-cert"]


def _option(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _mysql_environ() -> dict[str, str]:
    # Without a home: the files of the person who runs this are none of the source's business.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/nonexistent"}


def _fault(said: bytes) -> DatabaseError:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    message = (lines or ["no reason given"])[0][:300]
    return DatabaseError(message, message if _REFUSED.search(message) else "")
