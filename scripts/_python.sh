# Sourced: sets $python to a Python 3.11 or newer; PYTHON=/path/to/python chooses one.
python=
for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "error: no Python 3.11 or newer found as python3; install one or set PYTHON=/path/to/python3" >&2
    exit 2
fi
