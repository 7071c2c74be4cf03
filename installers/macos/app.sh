#!/usr/bin/env bash
# Mien.app around the bundle: installers/macos/app.sh BUNDLE OUT, where BUNDLE is the folder that PyInstaller made.
# Signing and notarising need the publisher's own keys and are not done here.
set -euo pipefail
bundle=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)

version=$("$bundle/mien" --version | cut -d' ' -f2)
app="$out/Mien.app/Contents"
mkdir -p "$app/MacOS" "$app/Resources"
cp -a "$bundle/." "$app/Resources/mien"
printf '#!/bin/sh\nexec "$(dirname "$0")/../Resources/mien/mien" tray\n' > "$app/MacOS/Mien"
chmod 755 "$app/MacOS/Mien"
sed -e "s/@VERSION@/$version/" "$here/Info.plist" > "$app/Info.plist"
