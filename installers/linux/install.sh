#!/bin/sh
# Install Mien for this user alone: ./install.sh [FOLDER], by default ~/.local. Needs no rights and no network.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${1:-"$HOME/.local"}
place=$prefix/lib/mien

if [ -e "$place" ]; then
    "$place/uninstall.sh" --upgrade
fi
mkdir -p "$prefix/lib" "$prefix/bin"
cp -R "$here/program" "$place"
cp "$here/uninstall.sh" "$here/LICENSE" "$here/NOTICES" "$place/"
printf '%s\n' "$prefix" > "$place/prefix"
ln -sf "$place/mien" "$prefix/bin/mien"
ln -sf "$place/mien-tray" "$prefix/bin/mien-tray"
(cd "$here" && find share lib/systemd -type f) | while read -r file; do
    mkdir -p "$prefix/$(dirname "$file")"
    case $file in
        *.desktop | *.service) sed "s|@PLACE@|$place|g" "$here/$file" > "$prefix/$file" ;;
        *) cp "$here/$file" "$prefix/$file" ;;
    esac
    printf '%s\n' "$file" >> "$place/installed-files"
done
echo "Mien is in $place; $prefix/bin/mien starts it."
