#!/bin/sh
# The tests that reach the engine, on a copy of the tree built with AddressSanitizer and UndefinedBehaviorSanitizer.
# Usage: tests/sanitize.sh PYTHON [pytest's arguments instead of all these tests]
set -eu
python=$(command -v "$1")
case $python in /*) ;; *) python=$PWD/$python ;; esac
shift
cd "$(dirname "$0")/.."
copy=build/sanitize

# Everything but what was built there before: a file that is gone here must not stay there.
mkdir -p $copy
find $copy -path $copy/build -prune -o -type f ! -name '*.so' -exec rm {} +
git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -cf - -T - | tar -xf - -C $copy
[ ! -d ../shared ] || ln -sfn "$(cd ../shared && pwd)" build/shared
cd $copy
FASTGW_BUILD_SANITIZE=1 "$python" setup.py --quiet build_ext --inplace -j "$(nproc)" >build.log 2>&1 || { cat build.log; exit 1; }

# The interpreter is not instrumented, so the run-time libraries come first by LD_PRELOAD, and its own allocator
# stands aside. What it keeps until its end is no leak of ours: the tests count live objects themselves.
compiler=${CC:-gcc}
asan=$($compiler -print-file-name=libasan.so) ubsan=$($compiler -print-file-name=libubsan.so)
[ -e "$asan" ] && [ -e "$ubsan" ] || { echo "$compiler has no libasan and libubsan: install them" >&2; exit 1; }
LD_PRELOAD="$asan $ubsan"
ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:strict_string_checks=1
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
PYTHONMALLOC=malloc
PYTHONPATH=$PWD
export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS PYTHONMALLOC PYTHONPATH
# Some tests are left out: the memory that they weigh is the sanitizer's here.
[ $# -gt 0 ] || set -- --deselect tests/wire/test_e_many.py::test_e2_idle_connections \
  --deselect tests/wire/test_overload.py \
  tests/fuzz tests/twin tests/unit/test_core_*.py tests/unit/test_door*.py tests/unit/test_call*.py tests/unit/test_authorize.py tests/unit/test_jwt_authorizer.py \
  tests/unit/test_policy_document.py tests/unit/test_streams.py tests/unit/test_lag.py tests/unit/test_leases.py tests/unit/test_access_log.py tests/conformance tests/wire
# Output is captured above the descriptors: a report about this very process must not be lost with it.
exec "$python" -m pytest -p no:cacheprovider --capture=sys "$@"
