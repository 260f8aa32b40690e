#!/usr/bin/env bash
# A real VS Code to test with: code-server, from npm alone, into editors/.tools. Its native parts are built here.
#
# npm ends with an error on some of them although every file is built, so the files are looked for, not the exit status; the
# postinstall of @vscode/ripgrep, which downloads, never runs: Debian's rg takes its place. About a minute, 320 MB.
set -euo pipefail
VERSION=4.100.3  # the last for Node 20
TOOLS="$(cd "$(dirname "$0")" && pwd)/.tools"
VSCODE="$TOOLS/node_modules/code-server/lib/vscode"
BUILT=("$TOOLS/node_modules/argon2" "$VSCODE/node_modules/node-pty" "$VSCODE/node_modules/@vscode/spdlog" "$VSCODE/node_modules/native-watchdog")
QUIET=(--no-audit --no-fund --loglevel=error)

[ -e "$TOOLS/.done-$VERSION" ] && exit 0
mkdir -p "$TOOLS"
cd "$TOOLS"
[ -e package.json ] || echo '{"private": true}' > package.json
npm install --ignore-scripts "${QUIET[@]}" "code-server@$VERSION"
cd "$VSCODE"
npm install --ignore-scripts --omit=dev "${QUIET[@]}"
ln -sfn node_modules node_modules.asar
(cd extensions && npm install --ignore-scripts --omit=dev "${QUIET[@]}")
npm rebuild "${QUIET[@]}" node-pty @vscode/spdlog native-watchdog || true
(cd "$TOOLS" && npm rebuild "${QUIET[@]}" argon2) || true
for folder in "${BUILT[@]}"; do
    find "$folder" -name '*.node' | grep -q . || { echo "not built: $folder" >&2; exit 1; }
done
mkdir -p node_modules/@vscode/ripgrep/bin
ln -sfn "$(command -v rg)" node_modules/@vscode/ripgrep/bin/rg
touch "$TOOLS/.done-$VERSION"
