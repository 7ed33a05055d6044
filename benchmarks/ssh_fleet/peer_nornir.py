"""Pull the fleet with nornir and netmiko, as their users do."""

from __future__ import annotations

from fleet import COUNT, DEVICES, PASSWORD, PORT, USER, WORKERS, save
from nornir.core import Nornir
from nornir.core.inventory import ConnectionOptions, Defaults, Groups, Host, Hosts, Inventory
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.task import Result, Task
from nornir.plugins.runners import ThreadedRunner
from nornir_netmiko.tasks import netmiko_send_command


def pull(task: Task) -> Result:
    answer = task.run(
        netmiko_send_command, command_string="show running-config", read_timeout=120
    )  # fmt: skip
    task.host.close_connection("netmiko")
    return Result(task.host, result=save(int(task.host.name), answer[0].result))


def main() -> None:
    ConnectionPluginRegister.auto_register()
    waits = {"conn_timeout": 60, "banner_timeout": 60, "auth_timeout": 60}
    options = {"netmiko": ConnectionOptions(extras=waits)}
    hosts = {
        str(number): Host(
            str(number), hostname=host, port=PORT, username=USER, password=PASSWORD,
            platform="cisco_ios", connection_options=options,
        )
        for number, host in DEVICES
    }  # fmt: skip
    inventory = Inventory(Hosts(hosts), Groups(), Defaults())
    fleet = Nornir(inventory=inventory, runner=ThreadedRunner(num_workers=WORKERS))
    whole = sum(bool(r[0].result) and not r.failed for r in fleet.run(task=pull).values())
    if whole != COUNT:
        raise SystemExit(f"{whole} of {COUNT} configurations")


if __name__ == "__main__":
    main()
