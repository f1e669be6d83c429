#!/bin/sh
# Second half of the default sandbox image; runs as root inside the new root file system, after the
# Debian packages of apt.txt are in it. Both roads to the image run this file: the Dockerfile, and
# `mmdebstrap` + `docker import` where no registry can be reached (xtask/src/image/).
#
#   sh setup.sh <folder that holds pip.txt and npm.txt>
#
# PADDOCK_IMAGE_CA: a certificate bundle to trust while downloading, for networks that inspect TLS. It leaves no trace.
set -eu
lists=$1
export HOME=/root LANG=C.UTF-8
# The builder's own settings name files that do not exist here.
unset PIP_CERT PIP_FIND_LINKS REQUESTS_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE NODE_EXTRA_CA_CERTS
if [ -n "${PADDOCK_IMAGE_CA:-}" ]; then
    export PIP_CERT="$PADDOCK_IMAGE_CA" CURL_CA_BUNDLE="$PADDOCK_IMAGE_CA" NODE_EXTRA_CA_CERTS="$PADDOCK_IMAGE_CA"
fi

# The sandbox user. `pip install --user` puts programs into a folder that is on PATH.
useradd --create-home --uid 1000 --shell /bin/bash daytona
mkdir -p /home/daytona/.local/bin

# Sandboxes run without AUDIT_WRITE, and sudo would say "unable to send audit message" each time.
cat > /etc/sudoers.d/daytona <<'SUDO'
Defaults:daytona !log_allowed, !log_denied
daytona ALL=(ALL:ALL) NOPASSWD: ALL
SUDO
chmod 440 /etc/sudoers.d/daytona
visudo --check --quiet

# The whole machine is the user's environment: Debian's guard against pip would only be in the way.
printf '[global]\nbreak-system-packages = true\ndisable-pip-version-check = true\n' > /etc/pip.conf
pip install --quiet --no-cache-dir --root-user-action=ignore --only-binary=:all: --requirement "$lists/pip.txt"

# Debian's npm brings 350 packages; the registry's is one. It installs itself and its siblings.
# TypeScript stays at 5.1: ts-node 10 without a tsconfig fails with the newer ones (TS5109).
npm_version=$(sed -n 's/^npm@//p' "$lists/npm.txt")
work=$(mktemp -d)
curl --fail --silent --show-error --location "https://registry.npmjs.org/npm/-/npm-$npm_version.tgz" | tar -xz -C "$work"
# shellcheck disable=SC2046 # one word per line is the format of the list
node "$work/package/bin/npm-cli.js" install --global --prefix /usr/local --no-audit --no-fund --no-update-notifier \
    --loglevel=error --cache "$work/cache" $(cat "$lists/npm.txt")
echo 'prefix=/usr/local' > /usr/local/lib/node_modules/npm/npmrc
rm -rf "$work"
# `npm install -g` without sudo. The prefix must be the one of ts-node, for npx looks nowhere else, and old SDKs run `npx ts-node`.
chown -R daytona:daytona /usr/local/bin /usr/local/share /usr/local/lib/node_modules

# matplotlib builds its list of fonts at the first import (seconds); do it now, for the user who will import it.
chown -R daytona:daytona /home/daytona
su daytona -c 'cd && MPLBACKEND=agg python3 -c "import matplotlib.pyplot"'

rm -rf /home/daytona/.npm /root/.npm /root/.cache /root/.config /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt /tmp/v8-compile-cache*
