#!/usr/bin/env bash
# Bring the programs that the tests drive and Python cannot: a browser, jq, openssl, git, a font,
# an OpenStack Swift with its cache, MariaDB, Podman with something to put into an image, cron with
# a clock to set, routers, rpm and sudo, and (into .test-parts) Azurite and a MariaDB of another version.
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

# A database moves to a server of another version: the one of Debian's next release, or the last,
# with every library it needs, in a folder of its own.
mariadb=$PWD/.test-parts/mariadb
if [ ! -x "$mariadb/mariadbd" ]; then
    suite=trixie
    if grep -qs "VERSION_CODENAME=$suite" /etc/os-release; then suite=bookworm; fi
    rm -rf "$mariadb"
    mkdir -p "$mariadb"/{apt/lists/partial,apt/archives/partial,root}
    : >"$mariadb/apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
        "http://deb.debian.org/debian $suite main" >"$mariadb/apt/sources.list"
    apt=(
        apt-get -qq "${patient[@]}" -o Dir::Etc::SourceList="$mariadb/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$mariadb/apt/lists" -o Dir::State::status="$mariadb/apt/status"
        -o Dir::Cache="$mariadb/apt" -o Debug::NoLocking=1
    )
    "${apt[@]}" update
    "${apt[@]}" install -y --download-only --no-install-recommends mariadb-server-core
    for package in "$mariadb"/apt/archives/*.deb; do dpkg-deb -x "$package" "$mariadb/root"; done
    rm -rf "$mariadb/apt"
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
