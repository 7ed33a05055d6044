"""Hold a router's configuration the way IOS does: sections, `no`, defaults that never show."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

SECTIONS = {
    "interface ": (
        "description ", "ip address ", "ip access-group ", "ip helper-address ", "ip ospf ",
        "ip nat ", "ipv6 address ", "shutdown", "mtu ", "bandwidth ", "speed ", "duplex ",
        "switchport", "encapsulation ", "standby ", "spanning-tree ",
    ),
    "router ": (
        "network ", "neighbor ", "router-id ", "passive-interface ", "redistribute ", "area ",
        "address-family ", "default-information ", "bgp ",
    ),
    "ip access-list ": ("permit ", "deny ", "remark "),
    "line ": (
        "access-class ", "exec-timeout ", "transport ", "login", "password ", "privilege ",
        "logging synchronous",
    ),
    "vlan ": ("name ",),
    "class-map ": ("match ", "description "),
    "policy-map ": ("class ", "description "),
    "route-map ": ("match ", "set ", "description "),
}  # fmt: skip
"""What begins a section, and what may stand in it; anything else leaves the section."""

GLOBAL = (
    "aaa", "access-list", "banner", "boot", "clock", "crypto", "enable", "hostname", "ip", "ipv6",
    "lldp", "logging", "ntp", "privilege", "radius-server", "service", "snmp-server",
    "spanning-tree", "tacacs-server", "username", "version",
)  # fmt: skip
SINGLE_VALUED = (
    "hostname", "description", "mtu", "bandwidth", "speed", "duplex", "exec-timeout", "password",
    "enable secret", "ip domain-name", "ip address", "router-id", "snmp-server location",
    "snmp-server contact", "banner motd", "logging trap", "clock timezone", "encapsulation dot1Q",
)  # fmt: skip
INVALID = "% Invalid input detected at '^' marker."
SILENT = ("terminal ", "enable", "disable")


@dataclass
class IosState:
    """What a device knows: its configuration as (section, lines), and what is saved.

    A line that begins with one of `unsupported` is refused, as an older release would, and a
    command that begins with one of `forbidden` as for a user without the privilege.
    """

    hostname: str
    sections: list[tuple[str, list[str]]]
    serial: str = "9EXITKIT001"
    licenses: tuple[tuple[str, str], ...] = ()
    unsupported: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    startup: str = ""
    shows: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def of(
        cls, text: str, licenses: tuple[tuple[str, str], ...] = (), serial: str = "9EXITKIT001",
        unsupported: tuple[str, ...] = (),
    ) -> IosState:  # fmt: skip
        """Return a device that was configured with `text` and saved it."""
        state = cls("router", [], serial, licenses)
        section = ""
        for line in text.splitlines():
            if not line.startswith(" "):
                section = ""
            if line.strip() and not line.startswith("!"):
                section = state.apply(section, line.strip())
        state.unsupported = unsupported
        state.save()
        return state

    def running(self) -> str:
        """Return the configuration as it would be saved."""
        with self.lock:
            lines: list[str] = []
            for head, body in self.sections:
                lines += [head, *(f" {line}" for line in body)]
                if body or head.startswith(tuple(SECTIONS)):
                    lines.append("!")
            return "\n".join(lines)

    def save(self) -> None:
        """Keep the configuration over a restart."""
        self.startup = self.running()

    def apply(self, section: str, line: str) -> str:
        """Take one configuration line in `section` and return the section we are in after it."""
        with self.lock:
            if section and belongs_in(section, line):
                self._change(self._body(section), line)
                return section
            if line.startswith(tuple(SECTIONS)):
                self._body(line)
                return line
            heads = [head for head, _ in self.sections]
            self._change(heads, line)
            bodies = dict(self.sections)
            self.sections = [(head, bodies.get(head, [])) for head in heads]
            if line.startswith("hostname "):
                self.hostname = line.split()[1]
            return ""

    def _body(self, section: str) -> list[str]:
        for head, body in self.sections:
            if head == section:
                return body
        self.sections.append((section, []))
        return self.sections[-1][1]

    def _change(self, lines: list[str], line: str) -> None:
        if line.startswith("no "):
            gone = line.removeprefix("no ")
            lines[:] = [held for held in lines if held != gone and not held.startswith(gone + " ")]
            return
        for key in SINGLE_VALUED:
            if line.startswith(key + " ") and not line.endswith(" secondary"):
                places = [i for i, held in enumerate(lines) if held.startswith(key + " ")]
                if places:
                    lines[places[0]] = line
                    return
        if line not in lines:
            lines.append(line)


@dataclass
class IosSession:
    """One login: what mode it is in and what each line typed answers."""

    state: IosState
    configuring: bool = False
    section: str = ""

    @property
    def prompt(self) -> str:
        """The prompt that waits for the next line."""
        if not self.configuring:
            return f"{self.state.hostname}#"
        return f"{self.state.hostname}({'config-sub' if self.section else 'config'})#"

    def execute(self, line: str) -> str:
        """Do what the line says and return what the device prints."""
        if not line or (not self.configuring and line.startswith(SILENT)):
            return ""
        return self._configure(line) if self.configuring else self._operate(line)

    def _operate(self, line: str) -> str:
        state = self.state
        words = line.split()
        if state.forbidden and line.startswith(state.forbidden):
            return "% Authorization failed."
        if words[0] == "show":
            return self._show(words[1:])
        if line.startswith("conf"):
            self.configuring = True
            return "Enter configuration commands, one per line.  End with CNTL/Z."
        if "write memory".startswith(line) or line == "copy running-config startup-config":
            state.save()
            return "Building configuration...\n[OK]"
        return INVALID

    def _show(self, words: list[str]) -> str:
        state, subject = self.state, words[0] if words else ""
        if subject in ("running-config", "run"):
            return self._running_config()
        if subject in ("startup-config", "start"):
            return state.startup
        if subject == "version":
            return (
                "Cisco IOS Software, IOSv Software (VIOS-ADVENTERPRISEK9-M), Version 15.7(3)M3, "
                f"RELEASE SOFTWARE (fc2)\n{state.hostname} uptime is 1 day, {state.shows} minutes\n"
                'System image file is "flash0:/vios-adventerprisek9-m"\n'
                f"Processor board ID {state.serial}\nConfiguration register is 0x2102"
            )
        if subject == "inventory":
            return (
                'NAME: "Chassis", DESCR: "Router chassis"\n'
                f"PID: ISR-DEMO          , VID: V01, SN: {state.serial}"
            )
        if subject == "license":
            return "\n".join(
                f"Index {number} Feature: {feature}\n\tPeriod left: Life time\n"
                f"\tLicense Type: {kind}\n\tLicense State: Active, In Use"
                for number, (feature, kind) in enumerate(state.licenses, 1)
            )
        return INVALID

    def _running_config(self) -> str:
        text = self.state.running()
        self.state.shows += 1
        # Lines that differ from one look to the next on a real device too.
        return (
            f"Building configuration...\n\nCurrent configuration : {len(text)} bytes\n!\n"
            f"! Last configuration change at 10:00:{self.state.shows % 60:02d} UTC by operator\n!\n"
            f"version 15.7\n{text}\nntp clock-period {17180000 + self.state.shows}\n!\nend"
        )

    def _configure(self, line: str) -> str:
        if line == "end":
            self.configuring, self.section = False, ""
        elif line == "exit":
            self.configuring, self.section = bool(self.section), ""
        elif line.startswith("!"):
            self.section = ""
        elif not self._is_known(line):
            return INVALID
        elif not line.startswith(("version ", "ntp clock-period")):
            self.section = self.state.apply(self.section, line)
        return ""

    def _is_known(self, line: str) -> bool:
        plain = line.removeprefix("no ")
        if self.state.unsupported and plain.startswith(self.state.unsupported):
            return False
        if self.section and belongs_in(self.section, line):
            return True
        return plain.startswith(tuple(SECTIONS)) or plain.split()[0] in GLOBAL


def belongs_in(section: str, line: str) -> bool:
    """Tell whether a line is one of `section`'s own rather than a global one."""
    inner = next(words for head, words in SECTIONS.items() if section.startswith(head))
    return line.removeprefix("no ").startswith(inner)
