#!/usr/bin/env bash
# Installs the real servers that the tests of clients talk to, and the browser that opens the report, from Debian's
# packages. Does nothing when they are there; says what is missing, and fails, where it may not install.
set -euo pipefail

declare -A package=([chromium]=chromium [redis-server]=redis-server [mosquitto]=mosquitto [curl]=curl [openssl]=openssl)
wanted=()
for program in "${!package[@]}"; do
  PATH="$PATH:/usr/local/sbin:/usr/sbin" command -v "$program" > /dev/null || wanted+=("${package[$program]}")
done
# PostgreSQL's own programs are not in the PATH.
compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || command -v initdb > /dev/null || wanted+=(postgresql)
# The report is in Chinese, too.
compgen -G '/usr/share/fonts/opentype/noto/NotoSansCJK*' > /dev/null || wanted+=(fonts-noto-cjk)
((${#wanted[@]} == 0)) && exit 0

if (($(id -u) != 0)) || ! command -v apt-get > /dev/null; then
  echo "not installed: ${wanted[*]}" >&2
  exit 1
fi
# Only the programs are wanted: no cluster of PostgreSQL, and nothing that runs by itself.
if [[ " ${wanted[*]} " == *' postgresql '* ]]; then
  mkdir -p /etc/postgresql-common
  [[ -e /etc/postgresql-common/createcluster.conf ]] ||
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
fi
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "${wanted[@]}"
