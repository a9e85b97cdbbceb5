# Sourced by ./run and ./check (POSIX sh): finds Python and keeps a virtual environment in step with its lock.

say() { printf '%s\n' "$*" >&2; }

# Prints the first Python that is 3.11 or later. A pyenv shim may stand in PATH and yet not run: so each is tried.
find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "Rollcall needs Python 3.11 or later; found: $(python3 --version 2>&1 || true)"
    say "On Debian or Ubuntu: sudo apt-get install python3 python3-venv"
    return 1
}

# make_venv PYTHON FOLDER LOCK: brings the environment in step with the lock; makes it anew only if it was moved or is
# broken, so that what a developer has added stays.
make_venv() {
    lock=$(cksum <"$3")
    place=$(pwd -P)/$2
    stamp=$2/rollcall-stamp
    if [ "$(cat "$stamp" 2>/dev/null)" = "$lock $place" ] && "$2/bin/python" -c 'import django' 2>/dev/null; then
        return
    fi
    say "Installing what Rollcall needs into $2 (a minute or two, at the first start and after an upgrade) ..."
    if ! "$2/bin/python" -c 'import pip' 2>/dev/null || ! grep -qsF "$place" "$2/pyvenv.cfg" "$2/bin/activate"; then
        need_ensurepip "$1" && "$1" -m venv --clear "$2" || return
    fi
    "$2/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r "$3" || {
        say "The packages could not be installed. Is the package index within reach? Type the same command to try again."
        return 1
    }
    printf '%s\n' "$lock $place" >"$stamp"
}

# Debian and Ubuntu keep ensurepip in a package of its own.
need_ensurepip() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif sudo -n true 2>/dev/null; then
        sudo=sudo
    else
        say "Python's venv module is missing. Type this, then start again:"
        say "    sudo apt-get install $package"
        return 1
    fi
    say "Installing $package ..."
    $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >&2
}
