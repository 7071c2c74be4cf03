#!/usr/bin/env bash
# A .deb of the bundle: installers/linux/deb.sh BUNDLE OUT, where BUNDLE is the folder that PyInstaller made.
# Version and architecture are those of the build.
set -euo pipefail
bundle=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)

version=$("$bundle/mien" --version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"

install -d "$tree/DEBIAN" "$tree/opt" "$tree/usr/bin" "$tree/usr/share/applications" "$tree/usr/share/doc/mien"
cp -a "$bundle" "$tree/opt/mien"
ln -s /opt/mien/mien "$tree/usr/bin/mien"
install -m 644 "$here/mien.desktop" "$tree/usr/share/applications/mien.desktop"
install -m 644 "$here/../../LICENSE" "$tree/usr/share/doc/mien/copyright"
size=$(du -sk "$tree/opt" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" "$here/control" > "$tree/DEBIAN/control"

dpkg-deb --root-owner-group --build "$tree" "$out/mien_${version}_${architecture}.deb"
