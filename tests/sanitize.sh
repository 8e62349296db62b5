#!/bin/sh
# Runs tests against a build with AddressSanitizer and UndefinedBehaviorSanitizer:
#   tests/sanitize.sh PYTHON [PYTEST-ARGUMENT...]       (make sanitize)
# The instrumented build is a copy of the tree under build/sanitize, so that the ordinary one stays.
set -eu
cd "$(dirname "$0")/.."
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
[ $# -gt 0 ] || set -- tests/wire

copy=build/sanitize
mkdir -p "$copy"
# Times are kept: what has not changed is not compiled again. Removed files must go, built ones stay.
for folder in fastgw tests bench docs examples; do
  find "$copy/$folder" -type f ! -name '*.so' -exec rm -f {} + 2>/dev/null || true
  find "$folder" -type f ! -name '*.so' ! -path '*/__pycache__/*' | tar -cf - -T - | tar -xf - -C "$copy"
done
cp -p setup.py pyproject.toml README.md Makefile "$copy"
cd "$copy"
FASTGW_BUILD_SANITIZE=1 "$python" setup.py -q build_ext --inplace

# The interpreter is not instrumented, so the run-time libraries are preloaded; leaks are left out, for
# the interpreter keeps memory until its end.
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1 \
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
PYTHONMALLOC=malloc PYTHONPATH="$PWD" \
exec "$python" -m pytest -p no:cacheprovider "$@"
