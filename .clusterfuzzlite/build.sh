#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds every target of tests/fuzz into $OUT, as ClusterFuzzLite wants it; see README.md for how to try it without.
set -eu
here=${ADIEU_SOURCE-$SRC/adieu}

# ---------------------------------------------------------------- OpenSSL

if [ -d "$SRC/openssl" ]; then
    cd "$SRC/openssl"
    ./config no-shared no-tests no-module no-ui-console --prefix="$WORK/openssl" --libdir=lib
    make -s -j"$(nproc)" build_libs
    make -s install_dev
    PKG_CONFIG_PATH=$WORK/openssl/lib/pkgconfig
    export PKG_CONFIG_PATH
fi

# ---------------------------------------------------------------- the targets

# What could not be linked statically is looked for beside the program.
export LDFLAGS="${LDFLAGS-} -Wl,-rpath,\$ORIGIN/lib"
rm -rf "$WORK/build"
meson setup "$WORK/build" "$here" --buildtype=plain -Dprefer_static=true -Duv=disabled -Ddocs=disabled -Dtests=enabled \
    -Db_lundef=false -Dfuzz="$LIB_FUZZING_ENGINE"
cd "$WORK/build"
names=$(ninja -t targets all | sed -n 's|^tests/fuzz/\(fuzz-[a-z_]*\): c_LINKER.*|\1|p')
# shellcheck disable=SC2086 # a list of words
ninja $(printf 'tests/fuzz/%s ' $names)

# ---------------------------------------------------------------- what lies beside each

mkdir -p "$OUT/lib"
for name in $names; do
    target=${name#fuzz-}
    cp "tests/fuzz/$name" "$OUT/$name"
    ldd "tests/fuzz/$name" | sed -n 's/.*=> \(.*lib\(cmocka\|jansson\)[^ ]*\).*/\1/p' | while read -r library; do
        cp "$library" "$OUT/lib"
    done
    printf '[libfuzzer]\nmax_len = 4096\nlen_control = 20\ntimeout = 20\nrss_limit_mb = 2048\n' >"$OUT/$name.options"
    [ ! -f "$here/tests/fuzz/$target.dict" ] || cp "$here/tests/fuzz/$target.dict" "$OUT/$name.dict"
    rm -f "$OUT/${name}_seed_corpus.zip"
    find "$here/tests/fuzz/corpus/$target" "$here/tests/fuzz/found/$target" -type f 2>/dev/null |
        zip -jq "$OUT/${name}_seed_corpus.zip" -@
done
