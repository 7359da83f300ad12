#!/usr/bin/env bash
# Builds the dashboard for browsers: a folder that any web server can serve.
#
#     scripts/web.sh [FOLDER]      # target/web without it
#
# Needs clang, the target wasm32-unknown-unknown of Rust, and wasm-bindgen of the version in Cargo.lock.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-target/web}

version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
missing() {
    echo "$1 is missing: $2" >&2
    exit 1
}
command -v clang >/dev/null || missing clang "install it with the system's packages"
[[ -d $(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown ]] ||
    missing "The target of browsers" "rustup target add wasm32-unknown-unknown"
[[ $(wasm-bindgen --version 2>/dev/null) == "wasm-bindgen $version" ]] ||
    missing "wasm-bindgen $version" "cargo install wasm-bindgen-cli --version $version"

# Large modules are laid out by deep recursion. SQLite's shim for browsers is C of 2023, which older compilers have to be told.
export RUSTFLAGS="-C link-arg=-zstack-size=67108864" CFLAGS_wasm32_unknown_unknown=-std=gnu2x
cargo build --profile web --package inceptive-gui --target wasm32-unknown-unknown --target-dir target/wasm --locked
mkdir -p "$out"
wasm-bindgen --target web --no-typescript --out-dir "$out" target/wasm/wasm32-unknown-unknown/web/inceptive-gui.wasm
cp gui/web/index.html "$out"

# The shipped networks.
python3 - "$out/networks.json" <<'PYTHON'
import json
import sys
from pathlib import Path

files = {str(path): path.read_text() for path in sorted(Path("architectures").rglob("*.yaml"))}
Path(sys.argv[1]).write_text(json.dumps({"files": files, "networks": []}))
PYTHON
du -sh "$out"
