"""Read the answers of hosts as their programs print them."""

from __future__ import annotations

import pytest

from exitkit.assess.host_answers import (
    Package,
    cron_of,
    images_of,
    keys_of,
    mounts_of,
    packages_of,
    ports_of,
    sudo_of,
    system_of,
    units_of,
    users_of,
)
from exitkit.drivers.certificates import certificates_in
from exitkit.drivers.spdx import normalized
from exitkit.knowledge.hosts import database_named


@pytest.mark.parametrize(
    ("command", "text", "package"),
    [
        ("dpkg", "installed\tbash\t5.2-1\tamd64\ndeinstall\told\t1\tamd64\n",
         Package("deb", "bash", "5.2-1", "GPL-3+ AND (MIT or BSD)", "amd64")),
        ("rpm", "gpg-pubkey\t1\t(none)\tpubkey\nbash\t5.1-9.el9\tx86_64\tGPLv3+\n",
         Package("rpm", "bash", "5.1-9.el9", "GPLv3+", "x86_64")),
        ("apk", "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n\n",
         Package("apk", "musl", "1.2.4-r2", "MIT", "x86_64")),
        ("pip", ("## /v/Jinja2.dist-info/METADATA\nName: Jinja2\nVersion: 3.1\n"
                "Classifier: License :: OSI Approved :: BSD License\n"),
         Package("pypi", "jinja2", "3.1", "BSD License", path="/v/Jinja2.dist-info/METADATA")),
        ("npm", ('## /n/a/package.json\n  "name": "@x/a",\n  "version": "2.0.0",\n'
                '  "license": "MIT",\n'),
         Package("npm", "@x/a", "2.0.0", "MIT", path="/n/a/package.json")),
        ("gem", ('## /g/rake.gemspec\n  s.name = "rake".freeze\n'
                '  s.version = "13.0.6"\n  s.licenses = ["MIT".freeze]\n'),
         Package("gem", "rake", "13.0.6", "MIT", path="/g/rake.gemspec")),
        ("jar", ("## /j/log4j-core-2.17.1.jar\nBundle-SymbolicName: org.apache.log4j;x=1\n"
                "Bundle-Version: 2.17.1\nBundle-License: Apache-2.0\n"),
         Package("maven", "org.apache.log4j", "2.17.1", "Apache-2.0",
                 path="/j/log4j-core-2.17.1.jar")),
        ("jar", "## /j/guava-31.1.jar\n", Package("maven", "guava", "31.1",
                                                  path="/j/guava-31.1.jar")),
    ],
)  # fmt: skip
def test_a_package_is_read_from_every_manager(command: str, text: str, package: Package) -> None:
    licenses = "## bash\nLicense: GPL-3+\nLicense: MIT or BSD\n"
    assert list(packages_of({command: text, "dpkg-licenses": licenses})) == [package]


@pytest.mark.parametrize(
    ("declared", "expression"),
    [
        ("MIT", "MIT"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("GPL-2 AND LGPL-2.1+", "GPL-2.0-only AND LGPL-2.1-or-later"),
        ("Expat or Apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-2+ AND (MIT or BSD)", "GPL-2.0-or-later AND (MIT OR BSD-3-Clause)"),
        ("Apache Software License", "Apache-2.0"),
        ("Commercial, ask sales", ""),
        ("permissive", ""),
        ("", ""),
        ("MIT\nGPL", ""),
    ],
)
def test_a_license_is_an_spdx_expression_or_nothing(declared: str, expression: str) -> None:
    assert normalized(declared) == expression


def test_settings_and_comments_are_no_jobs() -> None:
    text = "### /etc/crontab\nSHELL=/bin/sh\n# x\n17 * * * * root run-parts /etc/cron.hourly\n"
    assert list(cron_of(text)) == [
        ("/etc/crontab", 3, "17 * * * * root run-parts /etc/cron.hourly")
    ]


def test_sudo_rules_say_who_runs_what_as_whom() -> None:
    text = (
        "### /etc/sudoers\nDefaults env_reset\nUser_Alias ADMINS = ops\n#include x\n"
        "root ALL=(ALL:ALL) ALL\n%msp ALL = NOPASSWD: /usr/bin/systemctl \\\n  restart web\n"
    )
    found = [(one.who, one.run_as, one.runs) for one in sudo_of(text)]
    assert found == [
        ("root", "ALL:ALL", "ALL"),
        ("%msp", "root", "NOPASSWD: /usr/bin/systemctl    restart web"),
    ]


def test_login_keys_keep_their_options_and_comments() -> None:
    text = (
        "### ops /home/ops/.ssh/authorized_keys\n"
        'from="10.0.0.1",no-pty ssh-ed25519 AAAAC3Nz ops@msp\n'
        "# ssh-rsa AAAA no\nssh-rsa AAAAB3Nz\n"
    )
    first, second = keys_of(text)
    assert (first.user, first.comment, first.options) == (
        "ops",
        "ops@msp",
        'from="10.0.0.1",no-pty',
    )
    assert (second.type, second.comment) == ("ssh-rsa", "")


def test_users_have_all_their_groups() -> None:
    text = "ops:x:1000:1000:Ops:/home/ops:/bin/bash\n### groups\nops:x:1000:\nsudo:x:27:ops,x\n"
    (user,) = users_of(text)
    assert user["groups"] == ["ops", "sudo"]


def test_ports_name_their_program_where_it_shows() -> None:
    text = (
        'tcp LISTEN 0 244 127.0.0.1:5432 0.0.0.0:* users:(("postgres",pid=9,fd=6))\n'
        "udp UNCONN 0 0 [::]:123 [::]:*\nrubbish\n"
    )
    first, second = ports_of(text)
    assert (first["address"], first["port"], first["program"]) == ("127.0.0.1", "5432", "postgres")
    assert (second["port"], second["program"]) == ("123", "")


def test_the_rest_is_read_line_by_line() -> None:
    assert system_of('PRETTY_NAME="Debian 12"\nKERNEL=Linux 6')["PRETTY_NAME"] == "Debian 12"
    assert list(units_of("ssh.service enabled enabled\n")) == [("ssh.service", "enabled")]
    heading = "Filesystem Type 1B-blocks Used Available Capacity Mounted on\n"
    (mount,) = mounts_of(heading + "/dev/a ext4 10 4 6 40% /my data\n")
    assert (mount["target"], mount["size_bytes"]) == ("/my data", "10")
    (image,) = images_of("nginx\tlatest\tsha256:a\tsha256:b\n")
    assert image["digest"] == "sha256:a"
    assert (
        list(
            certificates_in("### /x\n-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
        )
        == []
    )


@pytest.mark.parametrize(
    ("program", "product"),
    [("postgresql@16-main.service", "PostgreSQL"), ("mariadbd", "MySQL or MariaDB"),
     ("mongod", "MongoDB"), ("redis-server", "Redis or Valkey"), ("sshd", "")],
)  # fmt: skip
def test_programs_that_hold_data_are_known(program: str, product: str) -> None:
    assert database_named(program) == product
