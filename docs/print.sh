#!/bin/sh
# SPDX-License-Identifier: MIT
# print.sh PRINT_DOCS FOLDER: prints every document that has a template (docs/NAME.in.EXT) into the folder.
set -eu
printer=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
cd "$(dirname "$0")/.."

for template in docs/*.in.*; do
    name=${template#docs/}
    document=$folder/${name%.in.*}.${name##*.}
    "$printer" "$template" >"$document.new"
    mv "$document.new" "$document"
done
