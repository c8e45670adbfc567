"""An access log of two weeks as a small shop would have it, for the pictures of docs/images.

Days and nights, weekends, one day on which somebody wrote about it, people who come back from a
search, a letter or a campaign, a few pages each. The same every time, but for where it ends.
"""

import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

DAYS: Final = 15
HOUR_S: Final = 3_600
WRITTEN_ABOUT: Final = range(103, 108)  # hours ago
SYSTEMS: Final = (
    "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36",
    "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.6 Safari/605.1.15",
    "(iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Mobile/15E148 Safari/604.1",
    "(Linux; Android 10; K) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36",
    "(X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
)
REFERRERS: Final = (
    *["-"] * 6,
    *["https://www.google.com/"] * 7,
    *["https://duckduckgo.com/"] * 2,
    "https://www.bing.com/",
    "https://news.ycombinator.com/item?id=1",
    "https://mail.google.com/",
    "https://chatgpt.com/",
    "https://blog.example/tools/review",
)
CAMPAIGNS: Final = (*[""] * 5, "?utm_source=newsletter&utm_medium=email&utm_campaign=autumn")
ENTRIES: Final = ("/", "/", "/", "/tools.html", "/tools.html", "/guide.html")
PAGES: Final = (*ENTRIES, "/about.html", "/basket.html", "/guide.html", "/tools.html")
NETWORKS: Final = (8, 24, 46, 62, 77, 81, 84, 91, 93, 109, 133, 151, 185, 193, 200, 203)


def write_past(file: Path) -> int:
    """Writes the log, oldest line first; how many lines it has."""
    chance = random.Random(7)
    lines = sorted(_lines(chance, int(time.time())))
    file.write_text("".join(line for _, line in lines))
    return len(lines)


def _lines(chance: random.Random, now_s: int) -> Iterator[tuple[int, str]]:
    homes = [
        f"{network}." + ".".join(str(chance.randint(1, 250)) for _ in range(3))
        for network in NETWORKS
        for _ in range(200)
    ]
    for hours_ago in range(DAYS * 24, 0, -1):
        begin_s = now_s - hours_ago * HOUR_S
        for _ in range(_visits(chance, begin_s, hours_ago)):
            home, browser = chance.choice(homes), f"Mozilla/5.0 {chance.choice(SYSTEMS)}"
            at_s = begin_s + chance.randrange(HOUR_S)
            referrer = chance.choice(REFERRERS)
            target = chance.choice(ENTRIES) + chance.choice(CAMPAIGNS)
            for _ in range(1 + min(6, int(chance.expovariate(0.6)))):
                if at_s >= now_s:
                    break
                at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(at_s))
                asked = f'"GET {target} HTTP/1.1" 200 5120 "{referrer}" "{browser}"'
                yield at_s, f"{home} - - [{at}] {asked}\n"
                target, referrer = chance.choice(PAGES), "-"
                at_s += chance.randint(8, 200)


def _visits(chance: random.Random, at_s: int, hours_ago: int) -> int:
    """How many begin in an hour: most in the afternoon, fewer at weekends, more each week."""
    hour, weekday = at_s // HOUR_S % 24, (at_s // 86_400 + 3) % 7
    sun = max(0.0, math.sin((hour - 5) / 24 * 2 * math.pi))
    week = 0.6 if weekday >= 5 else 1.0
    growth = 1.4 - 0.4 * hours_ago / (DAYS * 24)
    peak = 2.2 if hours_ago in WRITTEN_ABOUT else 1.0
    return int((8 + 40 * sun) * week * growth * peak * chance.uniform(0.8, 1.2))
