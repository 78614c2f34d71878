#!/usr/bin/env python3
"""How budgets behave that many gateways share by leases: a discrete simulation of the rule in policy/lease.hpp.

One budget, N gateways. Every 100 ms each gateway looks at its purse and asks Redis for more by the rule; the answer
is there a turn later. Requests come as a Poisson stream, its rate shared evenly or by Zipf's law; each reserves what
it may cost and settles at 40 to 100 % of that, one in fifty above it (150 %), which is debt. The offered load would
spend the budget in --seconds; then it goes on for as long again, so that whatever can be spent is.

overshoot    spent above the budget, as a part of it
unused       of the budget, when requests still come and nothing more is granted
refused      of the requests while Redis had a request's worth to grant: they found their gateway's purse dry (the real ones
             wait for the answer, for max_wait and 1.5 s at least; here nobody waits)
ops/s        questions to Redis a second while the budget lasts, without the heartbeat (one a second a gateway)

--check PROGRAM compares the rule as it is written here with the gateway's own (bench_lease_rule) on random
histories; exit status 1: they differ."""

import argparse
import bisect
import itertools
import math
import random
import subprocess
import sys

SECOND = 1_000_000_000
TURN = SECOND // 10
DOLLAR = 1_000_000_000  # nano-dollars
CENT = DOLLAR // 100
MOST = (1 << 50) - 1


class Planner:
    """policy/lease.cpp. `ahead` and `part` are constants there: 2 s, and 2 for 1 / (2 x gateways)."""

    def __init__(self, ahead=2.0, part=2):
        self.ahead, self.part = ahead, part
        self.left = self.tag = self.missed = self.largest = self.beyond = self.spent = 0
        self.typical, self.rate = CENT, 0.0
        self.looked_at = self.busy_at = self.needed_at = 0
        self.fresh, self.took, self.idle = True, False, False

    def look(self, left, tag, missed, largest, beyond, granted, now):
        spent = granted - left
        self.took = self.fresh or tag != self.tag or spent > self.spent
        if self.fresh or tag != self.tag:
            self.busy_at = now if self.fresh else self.busy_at
        else:
            passed = (now - self.looked_at) / 1e9
            more = float(max(spent - self.spent, 0))
            if passed > 0:
                self.rate += (1 - math.exp(-passed / 2.0)) * (more / passed - self.rate)
        if largest > self.typical:
            self.typical = min(largest, 8 * self.typical)
        elif largest > 0:
            self.typical -= (self.typical - largest) // 64
        if largest > 0 or missed > 0 or beyond > 0:
            self.busy_at = now
        self.fresh = False
        self.idle = now - self.busy_at >= 10 * SECOND
        self.left, self.tag, self.missed, self.largest, self.beyond = left, tag, missed, largest, beyond
        self.spent, self.looked_at = spent, now
        if missed > 0 or left <= 4 * self.need():
            self.needed_at = now

    def need(self):
        return max(int(min(self.rate * self.ahead, float(MOST))), 2 * self.typical)

    def reserve(self, authority_left, gateways):
        more = max(int(min(self.rate * 8, float(MOST))), 64 * self.typical)
        return max(self.need(), min(max(authority_left, 0) // (512 * max(gateways, 1)), more))

    def scarce(self, authority_left, gateways):
        return gateways > 1 and authority_left < gateways * 2 * self.typical

    def ask(self, authority_left, gateways):
        authority_left = max(authority_left, 0)
        target = max(int(min(max(self.rate * self.ahead + self.missed, 0.0), float(MOST))),
                     self.reserve(authority_left, gateways))
        if self.missed == 0 and self.left >= max(target // 2, self.typical):
            return 0
        cap = authority_left // (self.part * max(gateways, 1))
        one = max(self.typical, self.largest) - min(self.left, 0)
        needed = self.largest or self.beyond or self.typical
        if gateways > 1 and authority_left < needed - self.left:
            return 0
        if self.idle and self.scarce(authority_left - (target - self.left), gateways):
            return 0
        return min(max(target - self.left, 0), max(cap, one), authority_left)

    def too_little(self, authority_left, gateways):
        return gateways > 1 and max(self.largest, self.beyond) > self.left + max(authority_left, 0)

    def surplus(self, authority_left, gateways, now):
        if self.too_little(authority_left, gateways) and not self.took:
            return max(self.left, 0)
        enough = self.reserve(authority_left, gateways)
        if now - self.needed_at >= 10 * SECOND and self.left > 4 * enough:
            return self.left - enough
        if gateways < 2 or not self.idle:
            return 0
        return max(self.left - (0 if self.scarce(authority_left, gateways) else enough), 0)


class Gateway:
    def __init__(self, ahead, part):
        self.planner = Planner(ahead, part)
        self.left = self.granted = 0
        self.missed = self.largest = self.beyond = 0
        self.seen_left = None  # at the authority, when last heard
        self.heard_at = 0

    def request(self, reserve, cost):
        if self.left < reserve and self.seen_left is not None and reserve > self.left + self.seen_left:
            self.beyond = max(self.beyond, reserve)
            return False
        self.largest = max(self.largest, reserve)
        if self.left < reserve:
            self.missed += reserve
            return False
        self.left -= cost
        return True


class Run:
    def __init__(self, gateways, budget, seconds, skew, requests, ahead, part, seed):
        self.random = random.Random(seed)
        self.all = [Gateway(ahead, part) for _ in range(gateways)]
        self.budget, self.granted = budget, 0
        self.reserve = budget // (seconds * requests)
        parts = [1 / (i + 1) ** skew for i in range(gateways)]
        self.cumulative = list(itertools.accumulate(parts))
        self.per_turn = requests * TURN / SECOND / 0.71  # what is reserved settles at 71 % of it in the mean
        self.seconds = seconds
        self.operations = self.operations_while = 0
        self.refused = self.requests = self.spent = 0
        self.dry_since = None  # the authority has granted everything

    def cost(self):
        if self.random.random() < 0.02:
            return self.reserve * 3 // 2
        return int(self.reserve * self.random.uniform(0.4, 1.0))

    def poisson(self, mean):
        if mean > 50:
            return max(0, round(self.random.gauss(mean, math.sqrt(mean))))
        limit, count, product = math.exp(-mean), 0, self.random.random()
        while product > limit:
            count += 1
            product *= self.random.random()
        return count

    def ask_authority(self, one, now):
        one.planner.look(one.left, 1, one.missed, one.largest, one.beyond, one.granted, now)
        one.missed = one.largest = one.beyond = 0
        known = self.budget if one.seen_left is None else one.seen_left
        wanted = one.planner.ask(known, len(self.all))
        back = 0 if wanted else one.planner.surplus(known, len(self.all), now)
        if not wanted and not back:
            # Who knows of too little asks how it stands, as state/grant_account.cpp does: now and then.
            spent = known <= 0 or one.planner.too_little(known, len(self.all))
            if len(self.all) < 2 or not spent or now - one.heard_at < SECOND:
                return
        self.operations += 1
        given = min(wanted, max(self.budget - self.granted, 0)) - back
        self.granted += given
        one.granted += given
        one.left += given
        one.heard_at = now
        one.seen_left = self.budget - self.granted

    def go(self):
        now = SECOND
        turns = 2 * self.seconds * SECOND // TURN
        for _ in range(turns):
            now += TURN
            for _ in range(self.poisson(self.per_turn)):
                at = bisect.bisect(self.cumulative, self.random.random() * self.cumulative[-1])
                one = self.all[min(at, len(self.all) - 1)]
                cost = self.cost()
                done = one.request(self.reserve, cost)
                self.spent += cost if done else 0
                self.requests += self.dry_since is None
                if not done and self.dry_since is None:
                    self.refused += 1
            for one in self.all:
                self.ask_authority(one, now)
            if self.dry_since is None:
                self.operations_while = self.operations
                if self.budget - self.granted < self.reserve:
                    self.dry_since = now
        spent = self.spent
        lasted = ((self.dry_since or now) - SECOND) / SECOND
        return {
            "overshoot": max(spent - self.budget, 0) / self.budget,
            "unused": max(self.budget - spent, 0) / self.budget,
            "refused": self.refused / max(self.requests, 1),
            "ops": self.operations_while / lasted,
        }


def check(program):
    """Random histories through both; the first difference, or nothing."""
    chance = random.Random(11)
    lines, expected = [], []
    for _ in range(200):
        planner, now, granted, tag = Planner(), SECOND, 0, 1
        lines.append("new")
        for _ in range(50):
            now += chance.choice([TURN, TURN, 3 * TURN, 12 * SECOND])
            tag += chance.random() < 0.02
            granted += chance.randrange(5 * CENT)
            left = chance.randrange(-CENT, 5 * CENT)
            missed = chance.choice([0, 0, chance.randrange(10 * CENT)])
            largest = chance.choice([0, chance.randrange(3 * CENT)])
            beyond = chance.choice([0, 0, chance.randrange(100 * DOLLAR)])
            authority, gateways = chance.randrange(-CENT, 100 * DOLLAR), chance.choice([1, 2, 4, 1000])
            planner.look(left, tag, missed, largest, beyond, granted, now)
            lines.append(f"{now} {left} {tag} {missed} {largest} {beyond} {granted} {authority} {gateways}")
            expected.append(f"{planner.ask(authority, gateways)} {planner.surplus(authority, gateways, now)}")
    done = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    if len(answers) != len(expected):
        return f"{len(expected)} questions and {len(answers)} answers"
    inputs = [line for line in lines if line != "new"]
    return next((f"{line}: {got} by the gateway, {want} here"
                 for line, got, want in zip(inputs, answers, expected) if got != want), None)


def table(rows, heads):
    print("| " + " | ".join(heads) + " |")
    print("|" + "---:|" * len(heads))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def percent(value):
    return f"{100 * value:.2f} %"


def shown(found):
    return [percent(found["overshoot"]), percent(found["unused"]), percent(found["refused"]), f"{found['ops']:.1f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="PROGRAM")
    parser.add_argument("--seconds", type=int, default=60, help="in which the budget would be spent")
    parser.add_argument("--requests", type=int, default=1000, help="a second, of all gateways together")
    parser.add_argument("--quick", action="store_true", help="a few small runs, as a test")
    options = parser.parse_args()
    if options.check:
        differs = check(options.check)
        if differs:
            print("the rule here is not the gateway's:", differs)
            return 1
        print("the rule is the gateway's, on 10,000 random points")
    budget = 100 * DOLLAR
    sizes = [1, 4, 16] if options.quick else [1, 4, 16, 64, 256, 1000]
    seconds, requests = (10, 300) if options.quick else (options.seconds, options.requests)

    def run(gateways, skew=0.0, ahead=2.0, part=2, rate=requests):
        return Run(gateways, budget, seconds, skew, rate, ahead, part, seed=gateways).go()

    print(f"Budget spent in {seconds} s by {requests} requests/s.\n")
    heads = ["gateways", "demand", "overshoot", "unused", "refused", "ops/s"]
    found = {(n, s): run(n, s) for n in sizes for s in (0.0, 1.0)}
    table([[f"{n:,}", "even" if s == 0 else "Zipf", *shown(found[n, s])] for n, s in found], heads)
    if options.quick:
        bad = [key for key, one in found.items() if one["overshoot"] > 0.01 or one["unused"] > 0.03]
        if bad:
            print("overshoot above 1 % or more than 3 % unused:", bad)
        return 1 if bad else 0
    heads = ["gateways", "ahead", "cap", "overshoot", "unused", "refused", "ops/s"]
    rows = [[f"{n:,}", f"{ahead:g} s", f"left / ({part} N)", *shown(run(n, 1.0, ahead, part))]
            for n in (4, 64) for ahead, part in ((0.5, 2), (2, 2), (10, 2), (2, 1), (2, 8))]
    table(rows, heads)
    heads = ["requests in the budget", "gateways", "overshoot", "unused", "refused", "ops/s"]
    rows = [[f"{rate * seconds:,}", f"{n:,}", *shown(run(n, 1.0, rate=rate))]
            for rate in (10, 100) for n in (4, 64, 1000)]
    table(rows, heads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
