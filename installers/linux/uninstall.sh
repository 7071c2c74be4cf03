#!/bin/sh
# Remove what install.sh installed: ~/.local/lib/mien/uninstall.sh. Faces, results, models and settings stay.
set -eu
place=$(cd "$(dirname "$0")" && pwd)
prefix=$(cat "$place/prefix")

"$place/mien" tray --quit-all > /dev/null
if [ "${1:-}" != --upgrade ]; then
    "$place/mien" tray --start-at-login off > /dev/null
fi
while read -r file; do rm -f "${prefix:?}/$file"; done < "$place/installed-files"
rm -f "$prefix/bin/mien" "$prefix/bin/mien-tray"
rm -rf "$place"
if [ "${1:-}" != --upgrade ]; then
    echo "Mien is removed. These stay, if they are there; delete them to be rid of faces, results, models and settings:"
    echo "  ${XDG_STATE_HOME:-$HOME/.local/state}/mien"
    echo "  ${XDG_DATA_HOME:-$HOME/.local/share}/mien"
    echo "  ${XDG_CACHE_HOME:-$HOME/.cache}/mien"
fi
