#!/usr/bin/env bash
# Bring the programs that the tests drive and Python cannot: a browser, jq, openssl, git, a font,
# an OpenStack Swift with its cache, MariaDB, Podman with something to put into an image, cron with
# a clock to set, routers, rpm and sudo, and (into .test-parts) Azurite, MySQL and a MariaDB of another version.
set -euo pipefail

declare -A package_of=(
    [chromium]=chromium [chromedriver]=chromium-driver [jq]=jq [git]=git [openssl]=openssl [nsd]=nsd
    [swift-proxy-server]=swift-proxy [swift-account-server]=swift-account
    [swift-container-server]=swift-container [swift-object-server]=swift-object
    [memcached]=memcached [npm]=npm [mariadb-install-db]=mariadb-server
    [sshd]=openssh-server [podman]=podman [runc]=runc [cron]=cron [faketime]=faketime
    [vtysh]=frr [ip]=iproute2 [rpmbuild]=rpm [sudo]=sudo
)
# Another program may hold the lock for a while, and a mirror may fail once.
patient=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
missing=()
for program in "${!package_of[@]}"; do
    PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing+=(fonts-dejavu-core)
# The other busybox needs a libc, which an image made of it alone has not.
[ -e /usr/share/doc/busybox-static ] || missing+=(busybox-static)
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "install_test_parts.sh: the tests need more; run as root: apt-get install ${missing[*]}" >&2
        exit 3
    fi
    apt-get "${patient[@]}" update -qq
    DEBIAN_FRONTEND=noninteractive apt-get "${patient[@]}" install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

azurite=.test-parts/node_modules/azurite/package.json
if [ ! -e "$azurite" ]; then
    npm install --silent --no-audit --no-fund --no-save --prefix .test-parts azurite@3.35.0
fi

# Unpack a package of another suite, with every library it needs, into a folder of its own.
unpack() { # FOLDER SUITE PACKAGE
    rm -rf "$1"
    mkdir -p "$1"/{apt/lists/partial,apt/archives/partial,root}
    : >"$1/apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
        "http://deb.debian.org/debian $2 main" >"$1/apt/sources.list"
    local apt=(
        apt-get -qq "${patient[@]}" -o Dir::Etc::SourceList="$1/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$1/apt/lists" -o Dir::State::status="$1/apt/status"
        -o Dir::Cache="$1/apt" -o Debug::NoLocking=1
    )
    local fetch=(install -y --download-only --no-install-recommends "$3") package
    # A suite in development may change between its list and the fetch.
    { "${apt[@]}" update && "${apt[@]}" "${fetch[@]}"; } ||
        { sleep 30 && "${apt[@]}" update && "${apt[@]}" "${fetch[@]}"; }
    for package in "$1"/apt/archives/*.deb; do dpkg-deb -x "$package" "$1/root"; done
    rm -rf "$1/apt"
}

# A database moves to a server of another version: the one of Debian's next release, or the last.
mariadb=$PWD/.test-parts/mariadb
if [ ! -x "$mariadb/mariadbd" ]; then
    suite=trixie
    if grep -qs "VERSION_CODENAME=$suite" /etc/os-release; then suite=bookworm; fi
    unpack "$mariadb" "$suite" mariadb-server-core
    cat >"$mariadb/mariadbd" <<'END'
#!/bin/sh
# The server with the libraries of its own release.
root=$(cd "$(dirname "$0")" && pwd)/root
gnu=lib/$(uname -m)-linux-gnu
exec "$(find "$root" -name 'ld-linux-*.so.*' -type f | head -n 1)" \
    --library-path "$root/usr/$gnu:$root/$gnu" "$root/usr/sbin/mariadbd" "$@" \
    --plugin-dir="$root/usr/lib/mysql/plugin" --lc-messages-dir="$root/usr/share/mariadb" \
    --character-sets-dir="$root/usr/share/mariadb/charsets"
END
    chmod +x "$mariadb/mariadbd"
fi

# No release of Debian has MySQL; its development suite does.
mysql=$PWD/.test-parts/mysql
if [ ! -x "$mysql/mysqld" ]; then
    unpack "$mysql" sid mysql-server-core
    cat >"$mysql/mysqld" <<'END'
#!/bin/sh
# The server with the libraries of its own suite; the first argument has to be --no-defaults.
root=$(cd "$(dirname "$0")" && pwd)/root
gnu=lib/$(uname -m)-linux-gnu
exec "$(find "$root" -name 'ld-linux-*.so.*' -type f | head -n 1)" \
    --library-path "$root/usr/$gnu:$root/$gnu" "$root/usr/sbin/mysqld" "$@" \
    --basedir="$root/usr" --plugin-dir="$root/usr/lib/mysql/plugin" \
    --lc-messages-dir="$root/usr/share/mysql" --character-sets-dir="$root/usr/share/mysql/charsets"
END
    chmod +x "$mysql/mysqld"
fi
