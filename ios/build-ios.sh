#!/usr/bin/env bash
# Makes ios/IspeedFFI.xcframework of the core: a phone, a simulator on Apple silicon and on Intel, and macOS for `swift test`.
# Needs a Mac with Xcode and rustup. `--simulator` makes the slices that tests need, in the debug profile.
set -euo pipefail
cd "$(dirname "$0")/.."

name=libispeed.a
headers=bindings/generated/swift/headers
output=ios/IspeedFFI.xcframework
profile=phone
device=aarch64-apple-ios
simulators=(aarch64-apple-ios-sim x86_64-apple-ios)
mac=aarch64-apple-darwin
targets=("$device" "${simulators[@]}" "$mac")
if [[ "${1:-}" == --simulator ]]; then
  profile=dev
  simulators=(aarch64-apple-ios-sim)
  targets=("${simulators[@]}" "$mac")
elif [[ $# -gt 0 ]]; then
  echo "build-ios.sh: $1 is not known; expected nothing or --simulator" >&2
  exit 2
fi

# The oldest systems the app runs on; without it the linker warns of every object.
export IPHONEOS_DEPLOYMENT_TARGET=16.0 MACOSX_DEPLOYMENT_TARGET=13.0
# The same bytes whoever builds, as far as Apple's tools allow.
export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$PWD=/ispeed --remap-path-prefix=$HOME=/home"

target_dir=${CARGO_TARGET_DIR:-target}
folder=$profile
if [[ "$profile" == dev ]]; then folder=debug; fi

for target in "${targets[@]}"; do
  rustup target add "$target"
  cargo build --locked --package ispeed-ffi --profile "$profile" --target "$target"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A folder named after the module: two packages with a bare module.modulemap would meet in Xcode's include folder.
mkdir -p "$work/headers/IspeedFFI" "$work/simulator"
cp "$headers/IspeedFFI.h" "$headers/module.modulemap" "$work/headers/IspeedFFI/"

# An XCFramework takes one library a platform: both simulators become one.
libraries=()
for target in "${simulators[@]}"; do libraries+=("$target_dir/$target/$folder/$name"); done
lipo -create "${libraries[@]}" -output "$work/simulator/$name"

slices=(-library "$work/simulator/$name" -headers "$work/headers" -library "$target_dir/$mac/$folder/$name" -headers "$work/headers")
if [[ "$profile" == phone ]]; then
  slices+=(-library "$target_dir/$device/$folder/$name" -headers "$work/headers")
fi
rm -rf "$output" "$output.zip"
xcodebuild -create-xcframework "${slices[@]}" -output "$output"

if [[ "$profile" == phone ]]; then
  # Sorted and without the times of this build, so that the checksum tells what is in it and not when it was made.
  find "$output" -exec touch -t 202001010000 {} +
  (cd ios && find IspeedFFI.xcframework -type f | LC_ALL=C sort | zip -X -q IspeedFFI.xcframework.zip -@)
  swift package --package-path ios compute-checksum "$output.zip" | tee "$output.zip.checksum"
fi
