"""Measures promptkit beside its peers, in turns, and writes the table that the docs show.

    make bench                                       everything: about 15 minutes
    make bench ARGS="path hits"                      some sections
    make bench ARGS="path --peers openai,lm-deluge --count 5000 --rounds 3"
    make bench ARGS="--quick"                        a look at everything; changes no file
    make bench ARGS="--make-environments"            only install the peers

The client runs on one core and the server on another, as far as the system can pin them. CPU time
of the client is the steady figure: wall time on a machine with other work says little.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from .environments import PEERS, make
from .full_path import CEILING, PATH
from .hits import HITS
from .importing import IMPORT
from .measure import Plan, Section, say
from .million import MILLION
from .quota import QUOTA, SHARED
from .streaming import STREAMING
from .table import load, merge, plain, rows_of, save, today, write_page

SECTIONS: dict[str, Section] = {
    "path": PATH,
    "ceiling": CEILING,
    "hits": HITS,
    "streaming": STREAMING,
    "quota": QUOTA,
    "shared": SHARED,
    "million": MILLION,
    "import": IMPORT,
}

QUICK = Plan(peers=(), count=512, rounds=1, window_s=5.0, items=10_000)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sections", nargs="*", help=f"any of {', '.join(SECTIONS)}")
    parser.add_argument("--peers", help=f"any of {', '.join(PEERS)}, joined by commas")
    parser.add_argument("--count", type=int, help="prompts per client and round")
    parser.add_argument("--rounds", type=int, help="turns of each client")
    parser.add_argument("--window", type=float, help="seconds on a rate-limited endpoint")
    parser.add_argument("--items", type=int, help="items of the largest map")
    parser.add_argument("--quick", action="store_true", help="small counts; changes no file")
    parser.add_argument("--write", action="store_true", help="change the files all the same")
    parser.add_argument("--make-environments", action="store_true", help="only do that")
    given = parser.parse_args()
    unknown = set(given.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"there is no section {min(unknown)}: {', '.join(SECTIONS)}")
    given.peers = given.peers.split(",") if given.peers else list(PEERS)
    if unknown := set(given.peers) - set(PEERS):
        parser.error(f"there is no client {min(unknown)}: {', '.join(PEERS)}")
    return given


def plan_of(given: argparse.Namespace) -> Plan:
    """Return how much to measure."""
    plan = replace(QUICK if given.quick else Plan(()), peers=tuple(given.peers))
    chosen = {
        "count": given.count,
        "rounds": given.rounds,
        "window_s": given.window,
        "items": given.items,
    }
    return replace(plan, **{name: value for name, value in chosen.items() if value is not None})


def main() -> int:
    """Measure and write."""
    given = arguments()
    make(given.peers)
    if given.make_environments:
        return 0
    plan = plan_of(given)
    results = load()
    failed = False
    for name in given.sections or SECTIONS:
        section = SECTIONS[name]
        say(f"{name}: {section.title}")
        rows = list(section.run(plan))
        measured = merge({}, name, rows, today())
        print(plain(section, rows_of(measured, name, section)), end="\n\n", flush=True)
        failed = failed or any(row.failed for row in rows)
        results = merge(results, name, rows, today())
        if given.write or not given.quick:  # after each section: a run that is stopped keeps them
            save(results)
            write_page(results, SECTIONS)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
