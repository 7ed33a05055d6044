#!/usr/bin/env bash
# Bring the programs that the tests drive and Python cannot: a browser, jq, openssl, git, a font.
set -euo pipefail

declare -A package_of=(
    [chromium]=chromium [chromedriver]=chromium-driver [jq]=jq [git]=git [openssl]=openssl
)
missing=()
for program in "${!package_of[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing+=(fonts-dejavu-core)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "install_test_parts.sh: the tests need more; run as root: apt-get install ${missing[*]}" >&2
    exit 3
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
