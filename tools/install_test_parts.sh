#!/usr/bin/env bash
# Bring the programs that the tests drive and Python cannot: a browser, jq, openssl, git, a font,
# an OpenStack Swift with its cache, MariaDB, Podman with something to put into an image, and Azurite
# (into .test-parts).
set -euo pipefail

declare -A package_of=(
    [chromium]=chromium [chromedriver]=chromium-driver [jq]=jq [git]=git [openssl]=openssl [nsd]=nsd
    [swift-proxy-server]=swift-proxy [swift-account-server]=swift-account
    [swift-container-server]=swift-container [swift-object-server]=swift-object
    [memcached]=memcached [npm]=npm [mariadb-install-db]=mariadb-server
    [sshd]=openssh-server [podman]=podman [runc]=runc
)
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
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

azurite=.test-parts/node_modules/azurite/package.json
if [ ! -e "$azurite" ]; then
    npm install --silent --no-audit --no-fund --no-save --prefix .test-parts azurite@3.35.0
fi
