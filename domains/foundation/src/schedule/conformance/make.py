"""Writes cases.tsv: the next times of cron expressions as cronsim computes them.

Usage: pip install cronsim==2.8, then python3 make.py > cases.tsv
"""

from datetime import datetime, timezone
from importlib.metadata import version
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim

STARTS = {
    "America/New_York": ["2026-03-07T12:00", "2026-10-31T12:00", "2026-11-01T05:10", "2026-11-01T06:10"],
    "Europe/Berlin": ["2026-03-28T12:00", "2026-10-24T12:00", "2026-10-25T00:40"],
    "Australia/Lord_Howe": ["2026-04-04T02:00", "2026-10-03T02:00"],
    "America/Sao_Paulo": ["2018-02-17T12:00", "2018-11-03T12:00"],
    "Africa/Cairo": ["2026-04-23T12:00", "2026-10-29T12:00"],
    "Pacific/Apia": ["2011-12-29T12:00"],
    "Asia/Kathmandu": ["2026-01-01T00:00"],
    "Africa/Casablanca": ["2026-02-14T12:00", "2026-03-21T12:00"],
    "Antarctica/Troll": ["2026-03-28T12:00", "2026-10-24T12:00"],
    "UTC": ["2026-02-27T23:59", "2027-12-31T23:59"],
}

EXPRESSIONS = [
    "30 2 * * *",
    "30 1 * * *",
    "0 0 * * *",
    "15 0 * * *",
    "45 1 * * *",
    "*/30 * * * *",
    "0 * * * *",
    "20 */2 * * *",
    "* 1 * * *",
    "30 1,3 * * *",
    "0,30 0-3 * * *",
    "15 2 * * SUN",
    "0 9 * * 1-5",
    "0 9 * * 7",
    "0 12 1,15 * *",
    "0 12 13 * FRI",
    "59 23 31 * *",
    "0 0 29 2 *",
    "5-59/15 4 * JAN,JUL MON",
]


def main():
    print(f"# cronsim {version('cronsim')}: zone, start, expression, next ten times, all in UTC")
    for name, starts in STARTS.items():
        zone = ZoneInfo(name)
        for start in starts:
            at = datetime.fromisoformat(start).replace(tzinfo=timezone.utc)
            for expression in EXPRESSIONS:
                times = (time.astimezone(timezone.utc) for time in CronSim(expression, at.astimezone(zone)))
                # Asked in the second pass of a fold, cronsim begins with times of the first pass.
                later = islice((time for time in times if time > at), 10)
                found = " ".join(time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in later)
                print("\t".join([name, f"{start}:00Z", expression, found]))


main()
