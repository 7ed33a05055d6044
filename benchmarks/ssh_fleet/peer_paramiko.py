"""Pull the fleet with bare paramiko: the least a client in Python can do."""

from __future__ import annotations

import paramiko
from fleet import PASSWORD, PORT, USER, pull_all, save


def pull(number: int, host: str) -> bool:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.MissingHostKeyPolicy())
    client.connect(
        host, PORT, USER, PASSWORD, look_for_keys=False, allow_agent=False, timeout=60,
        banner_timeout=60, auth_timeout=60,
    )  # fmt: skip
    channel = client.invoke_shell(width=511, height=1000)
    channel.settimeout(120)
    prompt = b"rtr-%03d#" % number

    def until_prompt() -> bytes:
        parts, tail = [], b""
        while not tail.rstrip().endswith(prompt):
            data = channel.recv(65536)
            if not data:
                raise EOFError
            parts.append(data)
            tail = (tail + data)[-64:]
        return b"".join(parts)

    until_prompt()
    channel.sendall(b"terminal length 0\n")
    until_prompt()
    channel.sendall(b"show running-config\n")
    text = until_prompt()
    client.close()
    return save(number, text.decode())


if __name__ == "__main__":
    pull_all(pull)
