"""Run the whole demo estate on loopback and hand out what a workspace must know about it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from exitkit.demo import (
    arm_double,
    arm_estate,
    aws_account,
    aws_seed,
    databases,
    device_files,
    object_store,
    ssh_host,
)
from exitkit.demo.arm_double import ArmDouble
from exitkit.demo.aws_account import AwsAccount
from exitkit.demo.databases import RunningDatabase
from exitkit.demo.device_configuration import IosState
from exitkit.demo.object_store import RunningStore
from exitkit.demo.ssh_device import SshDevice, host_key
from exitkit.demo.ssh_host import RunningHost
from exitkit.errors import CannotRun

OPERATOR = "operator"
EDGE_PASSWORD = "demo-edge-login"  # noqa: S105 - a login of the demo's own router
SPARE_PASSWORD = "demo-spare-login"  # noqa: S105
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TERM", "NO_COLOR", "VIRTUAL_ENV")
"""What commands inherit besides the estate's own variables; nobody's real credentials."""
NO_HOST = "# No host: this machine has no SSH server, or allows no namespaces."

Expected = tuple[str, str, str, str, str]
"""provider, scope, region, native type, native id of one asset a snapshot must find."""


@dataclass(frozen=True, slots=True)
class Estate:
    """What runs, and what is known of it.

    `environ` holds the variables that commands need; `addresses` the placeholders of the
    workspace templates; `secrets` are values that no output may contain.
    """

    environ: Mapping[str, str]
    addresses: Mapping[str, str]
    expected: tuple[Expected, ...]
    secrets: tuple[str, ...]
    refused: str


@contextmanager
def running_estate(objects: int, progress: Callable[[str], None]) -> Iterator[Estate]:
    """Start every server, seed it, lend the estate, and stop exactly what was started.

    `objects` is the number of documents in the largest bucket.
    """
    with ExitStack() as stack:
        scratch = Path(tempfile.mkdtemp(prefix="exitkit-scratch-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        with ThreadPoolExecutor() as pool:
            aws = pool.submit(_aws, stack, objects)
            azure = pool.submit(_azure, stack)
            source = pool.submit(_source_database, stack)
            target = pool.submit(_database, stack, 18)
            store = pool.submit(_store, stack)
            host = pool.submit(_host, stack)
        # The pool has waited for all, so what started is on the stack before a failure is raised.
        progress(f"an AWS account with IAM enforced: {aws.result()[0].endpoint_url}")
        progress(f"an Azure subscription: {azure.result().endpoint_url}")
        progress(f"PostgreSQL 16 (source) and 18 (target): {source.result().port}, "
                 f"{target.result().port}")  # fmt: skip
        progress(f"an object store by another maker: {store.result().endpoint_url}")
        edge = _device(stack, device_files.edge1(), "edge1", EDGE_PASSWORD)
        spare = _device(stack, device_files.spare(), "spare", SPARE_PASSWORD)
        progress(f"two network devices behind SSH: {edge.port}, {spare.port}")
        machine = host.result()
        progress(f"a host behind a real SSH server: {machine.port}"
                 if isinstance(machine, RunningHost) else machine)  # fmt: skip
        yield _Parts(
            *aws.result(), azure.result(), source.result(), target.result(), store.result(),
            edge, spare, scratch, machine if isinstance(machine, RunningHost) else None,
        ).estate()  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Parts:
    """Every server of the estate, running."""

    account: AwsAccount
    seeded: aws_seed.Estate
    azure: ArmDouble
    source: RunningDatabase
    target: RunningDatabase
    store: RunningStore
    edge: SshDevice
    spare: SshDevice
    scratch: Path
    host: RunningHost | None

    def estate(self) -> Estate:
        """Put together what a workspace must know."""
        return Estate(
            environ=self._environ(),
            addresses=self._addresses(),
            expected=tuple(sorted([*self._cloud(), *self._ground()])),
            secrets=(*self.seeded.secrets.values(), *device_files.EDGE_SECRETS,
                     *arm_estate.AZURE_SECRETS, arm_estate.RUNBOOK_SECRET,
                     *self.azure.environ.values(),
                     self.source.password, self.source.reader_password, self.target.password,
                     self.store.secret_key, EDGE_PASSWORD, SPARE_PASSWORD, *ssh_host.HOST_SECRETS),
            refused=self.seeded.refused,
        )  # fmt: skip

    def _environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return kept | {
            **self.seeded.collector,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.azure.environ,
            "EXITKIT_NETWORK_USER": OPERATOR,
            "DEMO_EDGE_PASSWORD": EDGE_PASSWORD,
            "DEMO_SPARE_PASSWORD": SPARE_PASSWORD,
            "DEMO_SOURCE_DSN": self.source.reader_dsn,
            "DEMO_TARGET_DSN": self.target.dsn,
            "DEMO_STORE_KEY": self.store.access_key,
            "DEMO_STORE_SECRET": self.store.secret_key,
        }

    def _addresses(self) -> dict[str, str]:
        return {
            "services": ", ".join(f'"{pattern}"' for pattern in aws_seed.SERVICES),
            "aws_endpoint": self.account.endpoint_url,
            "azure_endpoint": self.azure.endpoint_url,
            "store_endpoint": self.store.endpoint_url,
            "pg_bin": str(self.source.bin_dir),
            "edge_port": str(self.edge.port),
            "spare_port": str(self.spare.port),
            "edge_key": self.edge.known_hosts_line.strip(),
            "spare_key": self.spare.known_hosts_line.strip(),
            "scratch": str(self.scratch),
            "host_source": ssh_host.SOURCE_LINE if self.host else NO_HOST,
            "host_line": ssh_host.inventory_line(self.host) if self.host else "{}",
            "host_key": self.host.known_hosts_line if self.host else "",
            "provider_subscription": arm_estate.PROVIDER_SUBSCRIPTION,
            "provider_key": ssh_host.KEYS["provider"],
        }

    def _cloud(self) -> Iterator[Expected]:
        for native_type, native_id, region in self.seeded.expected:
            yield ("aws", aws_seed.ACCOUNT_ID, region, native_type, native_id)
        yield from self.azure.expected

    def _ground(self) -> Iterator[Expected]:
        yield ("network", "routers", "", "cisco_ios/Device", "edge1")
        for product in device_files.EDGE_LICENSES:
            yield ("network", "routers", "", "License/Feature", f"edge1/{product}")
        if self.host:
            yield from ssh_host.expected()
        for user in device_files.EDGE_USERS:
            yield ("network", "routers", "", "Device/User", f"edge1/{user}")
        with psycopg.connect(self.source.dsn) as connection:
            row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
        yield ("postgres", str(row[0]) if row else "", "", "PostgreSQL/Database", "orders")


def _aws(stack: ExitStack, objects: int) -> tuple[AwsAccount, aws_seed.Estate]:
    account = aws_account.start()
    stack.callback(aws_account.stop, account)
    return account, aws_seed.seed(account, objects=objects)


def _azure(stack: ExitStack) -> ArmDouble:
    double = arm_double.start()
    stack.callback(arm_double.stop, double)
    return double


def _database(stack: ExitStack, major: int) -> RunningDatabase:
    database = databases.start_database(major)
    stack.callback(databases.stop_database, database)
    return database


def _source_database(stack: ExitStack) -> RunningDatabase:
    database = _database(stack, 16)
    databases.seed_orders(database)
    return database


def _store(stack: ExitStack) -> RunningStore:
    store = object_store.start_object_store()
    stack.callback(object_store.stop_object_store, store)
    return store


def _host(stack: ExitStack) -> RunningHost | str:
    """Start the host, or say why this machine cannot show one."""
    try:
        host = ssh_host.start_host()
    except CannotRun as error:
        return str(error)
    stack.callback(ssh_host.stop_host, host)
    return host


def _device(stack: ExitStack, state: IosState, name: str, password: str) -> SshDevice:
    device = SshDevice(state, {OPERATOR: password}, host_key(name)).start()
    stack.callback(device.stop)
    return device
