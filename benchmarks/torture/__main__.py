"""``python benchmarks/torture``: go on with the campaign, or show what it has come to."""

from __future__ import annotations

import argparse
import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:1] = [str(HERE.parent), str(ROOT), str(ROOT / "tests")]


def isolate() -> None:
    """One torch thread, no display, no settings and no consents of the user: also for all that is started."""
    for name in [name for name in os.environ if name.startswith("PPO_")]:
        del os.environ[name]
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="ppo-torture-")
    atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)
    os.environ |= {"OMP_NUM_THREADS": "1", "SDL_VIDEODRIVER": "dummy"}
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:3])
    os.environ["MPLCONFIGDIR"] = os.environ["XDG_STATE_HOME"]
    os.fsync = lambda fd: None  # the disk may be busy with others; processes that are started do wait for it
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def main() -> None:
    """Do what the options ask for; the exit code says whether anything broke its promise."""
    parser = argparse.ArgumentParser(description="Inject faults, count what they break, go on another day.")
    parser.add_argument(
        "--only", action="append", metavar="T5", help="only this class; repeatable, in this order"
    )
    parser.add_argument("--quick", action="store_true", help="a small sample of each; not kept")
    parser.add_argument("--minutes", type=float, help="begin nothing after so many minutes")
    parser.add_argument("--again", action="store_true", help="once more what had failures")
    parser.add_argument("--show", action="store_true", help="print the table of what was done")
    args = parser.parse_args()
    isolate()
    from torture.campaign import campaign, failures
    from torture.classes import CLASSES
    from torture.page import torture
    from torture.record import RECORD, last_tries, read_record

    unknown = set(args.only or ()) - {one.key for one in CLASSES}
    if unknown:
        parser.error(f"no such class: {', '.join(sorted(unknown))}")
    chosen = [one for key in args.only or [one.key for one in CLASSES] for one in CLASSES if one.key == key]
    if args.show:
        print(torture(last_tries(read_record())))
        return
    record = RECORD
    if args.quick:
        record = Path(tempfile.mkdtemp(prefix="ppo-torture-")) / RECORD.name
    done = campaign(chosen, record, quick=args.quick, minutes=args.minutes, again=args.again)
    print(torture(last_tries(read_record(record))))
    sys.exit(1 if failures(done) else 0)


if __name__ == "__main__":
    main()
