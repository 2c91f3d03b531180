# SPDX-License-Identifier: MIT
"""A test is a function whose name is its claim; it fails by an AssertionError and skips by raising Skip."""
import sys
import traceback


class Skip(Exception):
    pass


def run(*tests):
    """Runs them, writes TAP, and exits as meson wants it."""
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        line = f"{number} - {test.__name__}"
        try:
            test()
            print(f"ok {line}")
        except Skip as reason:
            print(f"ok {line} # SKIP {reason}")
        except Exception as error:
            failed += 1
            print(f"not ok {line}")
            text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            print("\n".join(f"# {part}" for part in text.splitlines()))
    sys.exit(1 if failed else 0)
