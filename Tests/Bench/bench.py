#!/usr/bin/env python3
"""Everything `make bench` measures, in one run on one machine: see docs/performance.md.

  bench.py [--build DIR] [--results DIR] [--events N] [--rounds N] [--baseline-rounds N] [--no-baseline]

Starts a private PostgreSQL cluster and relays on loopback, all of which end with it. Prints a table and writes
summary.json; a target that was missed is printed as MISSED and is no failure of the run.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")
PACKAGES = ["websockets", "orjson", "coincurve", "asyncpg"]
LEDGER = "nostr_coverage, nostr_coverage_holes"


class Broken(Exception):
    """Something that is measured did not do its work."""


# ---------------------------------------------------------------------------------------------- processes


def proc_stat(pid):
    """(parent, user + system ticks, the same of children it has waited for), or None."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])


def cpu_of(pid):
    stat = proc_stat(pid)
    return stat[1] / TICKS if stat else 0.0


def cpu_of_postgres(postmaster):
    """The postmaster, its children, and those of them that have ended."""
    stat = proc_stat(postmaster)
    ticks = stat[1] + stat[2]
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := proc_stat(name)) and stat[0] == postmaster:
            ticks += stat[1]
    return ticks / TICKS


@dataclass
class Usage:
    """What one command cost: seconds, KiB."""

    wall: float
    own: float
    postgres: float
    relay: float
    rss: int
    output: dict


def run(command, limit=600, **options):
    """Output as text; the command must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, **options)
    if done.returncode != 0:
        raise Broken(f"{' '.join(map(str, command))}\n{done.stdout[-500:]}\n{done.stderr[:1500]}")
    return done.stdout


class Server:
    """A process that says one line when it is ready, and ends when it is told to."""

    def __init__(self, command, log):
        self.log = open(log, "w")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.greeting = self.process.stdout.readline().strip()
        if not self.greeting:
            self.stop()
            raise Broken(f"{command[0]} did not start; see {log}")

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """By the end of its input or SIGTERM, whichever it listens to; in the end by SIGKILL."""
        if self.process.poll() is None:
            self.process.stdin.close()
            if "cluster" not in self.process.args:
                self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


# ---------------------------------------------------------------------------------------------- the laboratory


class Lab:
    def __init__(self, options):
        self.options = options
        self.results = os.path.abspath(options.results)
        self.bench = os.path.join(options.build, "ingest-bench")
        self.relay_world = os.path.join(options.build, "relay-world")
        os.makedirs(self.results, exist_ok=True)
        # As root the cluster belongs to another user, who must be able to reach it.
        os.chmod(self.results, 0o755)
        self.servers = []

    def path(self, name):
        return os.path.join(self.results, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in reversed(self.servers):
            server.stop()

    def start(self, command, log):
        server = Server(command, self.path(log))
        self.servers.append(server)
        return server

    def stop(self, server):
        self.servers.remove(server)
        server.stop()

    # Made once

    def make_tools(self):
        run(["cc", "-O2", "-o", self.path("verify_floor"), f"{HERE}/verify_floor.c", "-lsecp256k1"])
        run(["cc", "-O2", "-shared", "-fPIC", "-o", self.path("verify_meter.so"), f"{HERE}/verify_meter.c"])

    def make_corpus(self):
        self.corpus = self.path(f"corpus-{self.options.events}")
        if not os.path.exists(f"{self.corpus}/corpus.bin"):
            os.makedirs(self.corpus, exist_ok=True)
            print(run([self.bench, "corpus", "--events", str(self.options.events), self.corpus]), end="")

    def make_venv(self):
        self.python = self.path("venv/bin/python")
        if not os.path.exists(self.path("venv/complete")):
            run([sys.executable, "-m", "venv", self.path("venv")])
            run([self.python, "-m", "pip", "install", "--quiet", *PACKAGES])
            open(self.path("venv/complete"), "w").close()

    # Servers

    def start_cluster(self):
        self.cluster = self.start([self.bench, "cluster", self.path("cluster")], "cluster.log")
        told = json.loads(self.cluster.greeting)
        self.connection, self.postmaster = told["connection"], told["postmaster"]
        self.version = self.sql("postgres", "SHOW server_version").strip()
        for name in ["bench", "baseline"]:
            self.sql("postgres", f"DROP DATABASE IF EXISTS {name}")
            self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        run([self.bench, "prepare", "--database", self.database("bench")])
        # What a round leaves behind. Relays and streams stay: rows refer to them.
        self.tables = self.sql(
            "bench",
            "SELECT string_agg(relname, ', ') FROM pg_class WHERE relkind = 'r' AND relname LIKE 'nostr\\_%' "
            "AND relname NOT IN ('nostr_relays', 'nostr_streams')",
        ).strip()

    def database(self, name):
        return self.connection.replace("dbname=postgres", f"dbname={name}")

    def sql(self, database, *statements):
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.database(database)]
        for statement in statements:
            command += ["-c", statement]
        environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
        return run(command, env=environment)

    def start_relay(self, number=0):
        command = [self.relay_world, "serve", "--from-jsonl", f"{self.corpus}/corpus.jsonl"]
        relay = self.start(command, f"relay-{number}.log")
        relay.url = relay.greeting.split()[-1]
        return relay

    # Measuring

    def measure(self, command, relay=None, environment=None):
        """Runs a command to its end."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        relay_before = cpu_of(relay.pid) if relay else 0.0
        postgres_before = cpu_of_postgres(self.postmaster)
        start = time.monotonic()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})},
        )
        try:
            output, errors = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        wall = time.monotonic() - start
        if process.returncode != 0:
            raise Broken(f"{' '.join(map(str, command))}\n{output[-500:]}\n{errors[:1500]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        # Backends end a moment after their clients.
        time.sleep(0.2)
        postgres = cpu_of_postgres(self.postmaster) - postgres_before
        relay_cpu = cpu_of(relay.pid) - relay_before if relay else 0.0
        text = output.strip()
        told = json.loads(text) if text.startswith("{") else {}
        return Usage(wall, own, postgres, relay_cpu, told.get("rss_kib", 0), told)

    def empty(self, tables=None):
        self.sql("bench", f"TRUNCATE {tables or self.tables}", "CHECKPOINT")

    def rows(self, database, table):
        return int(self.sql(database, f"SELECT count(*) FROM {table}"))

    def expect_rows(self, database="bench", table="nostr_events"):
        count = self.rows(database, table)
        if count != self.options.events:
            raise Broken(f"{count} rows in {table} instead of {self.options.events}")

    # The subjects

    def verify_floor(self):
        told = json.loads(run([self.path("verify_floor"), f"{self.corpus}/corpus.bin"]))
        return told["verify_us"]

    def verify_floor_everywhere(self):
        """The same on every core at once, which is how the ingest works: cores that share caches slow each other down."""
        command = [self.path("verify_floor"), f"{self.corpus}/corpus.bin"]
        loops = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(os.cpu_count())]
        told = [json.loads(loop.communicate(timeout=600)[0]) for loop in loops]
        return statistics.mean(loop["verify_us"] for loop in told)

    def verify(self):
        return json.loads(run([self.bench, "verify", f"{self.corpus}/corpus.jsonl"]))

    def peek(self):
        return json.loads(run([self.bench, "peek", f"{self.corpus}/corpus.jsonl"]))["peek_us"]

    def export_rows(self):
        columns = self.sql(
            "bench",
            "SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) FROM information_schema.columns "
            "WHERE table_name = 'nostr_events' AND column_name <> 'ingest_seq'",
        ).strip()
        self.columns = columns
        for form in ["binary", "text"]:
            self.sql(
                "bench",
                f"\\copy (SELECT {columns} FROM nostr_events ORDER BY ingest_seq) "
                f"TO '{self.path('rows.' + form)}' (FORMAT {form})",
            )

    def copy_floor(self, form):
        self.empty()
        copy = f"\\copy nostr_events ({self.columns}) FROM '{self.path('rows.' + form)}' (FORMAT {form})"
        usage = self.measure(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", self.database("bench"), "-c", copy])
        self.expect_rows()
        return usage

    def ingest(self, relays, again=0, meter=False, tables=None, raw=True):
        """`raw`: rows of nostr_events alone, which is what the floors and the baseline write."""
        self.empty(tables)
        command = [self.bench, "ingest", "--database", self.database("bench"), "--again", str(again)]
        command += ["--until-count", str(self.options.events)]
        if raw:
            command.append("--raw")
        for relay in relays:
            command += ["--relay", relay.url]
        environment = {}
        if meter:
            environment = {"LD_PRELOAD": self.path("verify_meter.so"), "VERIFY_METER": self.path("meter.json")}
        usage = self.measure(command, relays[0], environment)
        self.expect_rows()
        if usage.output["unaccounted"] or usage.output["rejected"]:
            raise Broken(f"events are missing: {usage.output}")
        return usage

    def metered_overhead(self, relay):
        """Own overhead of one run, as a share of its verification and backend."""
        usage = self.ingest([relay], meter=True)
        with open(self.path("meter.json")) as file:
            meter = json.load(file)
        own = usage.own - meter["meter_s"] - meter["cpu_s"]
        return own / (meter["cpu_s"] + usage.postgres)

    def baseline(self, relay):
        with open(f"{HERE}/ingest_baseline_schema.sql") as file:
            self.sql("baseline", *[part for part in file.read().split(";") if part.strip()], "CHECKPOINT")
        host = self.connection.split("host='")[1].split("'")[0]
        dsn = f"postgresql://nostr@/baseline?host={host}&port=5432"
        usage = self.measure([self.python, f"{HERE}/ingest_baseline.py", relay.url, dsn], relay)
        self.expect_rows("baseline", "ev")
        return usage


# ---------------------------------------------------------------------------------------------- the report


class Report:
    def __init__(self):
        self.lines = []
        self.summary = {}

    def add(self, name, values, unit="", target=None, note="", digits=2):
        """`target` is ('<=', x) or ('>=', x)."""
        values = list(values)
        median = statistics.median(values)
        verdict = ""
        if target:
            relation, bound = target
            met = median <= bound if relation == "<=" else median >= bound
            verdict = f"{relation} {bound:g} {'met' if met else 'MISSED'}"
        self.summary[name] = {
            "median": median, "min": min(values), "max": max(values), "runs": len(values), "unit": unit,
            **({"target": f"{target[0]} {target[1]:g}", "met": met} if target else {}),
        }
        spread = f"{min(values):,.{digits}f} … {max(values):,.{digits}f}" if len(values) > 1 else ""
        self.lines.append((name, f"{median:,.{digits}f}", unit, spread, str(len(values)), verdict, note))

    def write(self, path, machine):
        head = ("", "median", "unit", "range", "runs", "target", "")
        widths = [max(len(line[column]) for line in [head, *self.lines]) for column in range(len(head))]
        for line in [head, *self.lines]:
            left = line[0].ljust(widths[0])
            middle = [line[1].rjust(widths[1]), *[line[i].ljust(widths[i]) for i in range(2, 6)]]
            print("  ".join([left, *middle, line[6]]).rstrip())
        with open(path, "w") as file:
            json.dump({"machine": machine, "figures": self.summary}, file, indent=2)
            file.write("\n")


def machine(lab):
    model = ""
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
    return {
        "processors": os.cpu_count(), "model": model, "kernel": platform.release(), "postgresql": lab.version,
        "events": lab.options.events, "load": [round(load, 1) for load in os.getloadavg()],
    }


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure_rounds(lab, relay, report):
    """Ratios (a) and (b), and the own overhead."""
    events = lab.options.events
    per_event = 1e6 / events
    rounds = []
    for number in range(lab.options.rounds):
        round = {}
        subjects = {
            "c": lab.verify_floor,
            "everywhere": lab.verify_floor_everywhere,
            "verify": lab.verify,
            "copy": lambda: lab.copy_floor("binary"),
            "text": lambda: lab.copy_floor("text"),
            "ingest": lambda: lab.ingest([relay]),
            "overhead": lambda: lab.metered_overhead(relay),
            "whole": lambda: lab.ingest([relay], raw=False),
        }
        # Every second round the other way round, so that a drift of the machine falls on both sides.
        for name in list(subjects) if number % 2 == 0 else reversed(subjects):
            round[name] = subjects[name]()
        floor = round["c"] + (round["copy"].own + round["copy"].postgres) * per_event
        total = (round["ingest"].own + round["ingest"].postgres) * per_event
        say(
            f"round {number + 1}: C {round['c']:.1f} verify {round['verify']['verify_us']:.1f} "
            f"floor {floor:.1f} ingest {total:.1f} ratio {total / floor:.3f} overhead {round['overhead']:.3f} "
            f"{events / round['ingest'].output['wall_s']:,.0f}/s load {os.getloadavg()[0]:.1f}"
        )
        round["ratio"] = total / floor
        round["everywhere_ratio"] = total / (floor - round["c"] + round["everywhere"])
        # Beside verification, which both do.
        write = total - round["c"]
        whole = (round["whole"].own + round["whole"].postgres) * per_event
        round["companions"] = (whole - total, (whole - total) / write * 100)
        rounds.append(round)

    def each(read):
        return [read(round) for round in rounds]

    report.add("C loop, verification", each(lambda r: r["c"]), "µs/event")
    report.add("C loop on every core at once", each(lambda r: r["everywhere"]), "µs/event")
    report.add("ours: parse", each(lambda r: r["verify"]["parse_us"]), "µs/event")
    report.add("ours: parse, id", each(lambda r: r["verify"]["parse_hash_us"]), "µs/event")
    report.add("ours: parse, id, verify", each(lambda r: r["verify"]["verify_us"]), "µs/event")
    report.add("(a) ours / C loop", each(lambda r: r["verify"]["verify_us"] / r["c"]), "", ("<=", 1.05), digits=3)
    for form, name in [("copy", "binary"), ("text", "text")]:
        report.add(f"COPY {name}: psql", each(lambda r: r[form].own * per_event), "µs/event")
        report.add(f"COPY {name}: PostgreSQL", each(lambda r: r[form].postgres * per_event), "µs/event")
    report.add("ingest: own process", each(lambda r: r["ingest"].own * per_event), "µs/event")
    report.add("ingest: PostgreSQL", each(lambda r: r["ingest"].postgres * per_event), "µs/event")
    report.add("ingest: relay (not counted)", each(lambda r: r["ingest"].relay * per_event), "µs/event")
    report.add("ingest: commits", each(lambda r: r["ingest"].output["commits"]), "", digits=0)
    report.add("ingest: new events", each(lambda r: events / r["ingest"].output["wall_s"]), "/s", digits=0)
    report.add("(b) ingest / (C + COPY binary)", each(lambda r: r["ratio"]), "", ("<=", 1.20), digits=3)
    report.add(
        "    ingest / (C on every core + COPY binary)", each(lambda r: r["everywhere_ratio"]), "", digits=3)
    report.add(
        "    ingest / (C + COPY text)",
        each(
            lambda r: (r["ingest"].own + r["ingest"].postgres)
            / (r["c"] / per_event + r["text"].own + r["text"].postgres)
        ), "", digits=3)
    report.add(
        "(b) own overhead / (verification + backend)", each(lambda r: r["overhead"] * 100), "%", ("<=", 10.0),
        digits=1)
    report.add("with companions: own process", each(lambda r: r["whole"].own * per_event), "µs/event")
    report.add("with companions: PostgreSQL", each(lambda r: r["whole"].postgres * per_event), "µs/event")
    report.add("with companions: new events", each(lambda r: events / r["whole"].output["wall_s"]), "/s", digits=0)
    report.add("companions and counters", each(lambda r: r["companions"][0]), "µs/event")
    report.add(
        "companions / raw write path without verification", each(lambda r: r["companions"][1]), "%", ("<=", 60.0),
        digits=1)
    return statistics.median(each(lambda r: events / r["ingest"].output["wall_s"]))


def measure_duplicates(lab, relay, report, rate):
    repeats = lab.options.repeats
    parts = []
    for _ in range(lab.options.duplicate_rounds):
        # The rows stay, the ledger does not: everything is asked for again.
        parts.append(lab.ingest([relay], again=repeats, tables=LEDGER).output)
        say(f"duplicates: {parts[-1]}")
    for part in parts:
        # Some sets of the table of committed ids overflow: those copies are verified again.
        if part["duplicates"] < 0.99 * part["received"] or part["received"] < repeats * lab.options.events:
            raise Broken(f"not all were copies of committed events: {part}")
    speeds = [part["received"] / part["wall_s"] for part in parts]
    report.add("peek in memory", [lab.peek() for _ in parts], "µs/frame")
    report.add("duplicates: own process", [part["cpu_s"] * 1e6 / part["received"] for part in parts], "µs/frame")
    report.add("duplicates: frames", speeds, "/s", digits=0)
    report.add("(c) duplicates / new events", [speed / rate for speed in speeds], "×", (">=", 10.0), digits=1)


def measure_memory(lab, relay, report):
    relays = [relay] + [lab.start_relay(number) for number in range(1, 10)]
    usage = lab.ingest(relays, raw=False)
    say(f"10 relays: {usage.output}")
    for other in relays[1:]:
        lab.stop(other)
    report.add("RSS with 10 relays", [usage.rss * 1024 / 1e6], "MB", ("<=", 100.0), digits=1)
    frames = usage.output["received"]
    report.add("10 relays: frames", [frames / usage.output["wall_s"]], "/s", digits=0)
    report.add("10 relays: own process", [usage.own * 1e6 / frames], "µs/frame")
    report.add("10 relays: copies dropped before parsing", [100 * usage.output["duplicates"] / frames], "%", digits=1)


def measure_baseline(lab, relay, report):
    """Side by side: same relay, same cluster, in turn."""
    to100k = 1e5 / lab.options.events
    pairs = []
    for number in range(lab.options.baseline_rounds):
        order = [lambda: lab.ingest([relay]), lambda: lab.baseline(relay)]
        if number % 2:
            baseline, ours = order[1](), order[0]()
        else:
            ours, baseline = order[0](), order[1]()
        pairs.append((ours, baseline))
        say(f"baseline {baseline.own:.2f} + {baseline.postgres:.2f} s, ours {ours.own:.2f} + {ours.postgres:.2f} s")
    for index, name in enumerate(["ours", "baseline"]):
        report.add(f"{name}: own process", [p[index].own * to100k for p in pairs], "s/100k")
        report.add(f"{name}: PostgreSQL", [p[index].postgres * to100k for p in pairs], "s/100k")
        report.add(f"{name}: relay", [p[index].relay * to100k for p in pairs], "s/100k")
        # Both with the start of the process, as a user would wait for it.
        report.add(f"{name}: events", [lab.options.events / p[index].wall for p in pairs], "/s", digits=0)

    def total(usage):
        return usage.own + usage.postgres + usage.relay

    report.add("baseline / ours: own process", [b.own / o.own for o, b in pairs], "×", (">=", 1.5))
    report.add("baseline / ours: all processes", [total(b) / total(o) for o, b in pairs], "×", (">=", 1.3))
    report.add("ours / baseline: events per second", [b.wall / o.wall for o, b in pairs], "×", (">=", 1.5))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=".build/release", help="where ingest-bench and relay-world are")
    parser.add_argument("--results", default="bench-results", help="corpus, cluster, venv and summary")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--duplicate-rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5, help="how often every event is asked for again")
    parser.add_argument("--baseline-rounds", type=int, default=5)
    parser.add_argument("--no-baseline", action="store_true", help="no virtual environment, nothing from PyPI")
    parser.add_argument("--no-memory", action="store_true", help="no run with ten relays")
    options = parser.parse_args()
    report = Report()
    described = {}
    status = 0
    try:
        with Lab(options) as lab:
            lab.make_tools()
            lab.make_corpus()
            if not options.no_baseline:
                lab.make_venv()
            lab.start_cluster()
            relay = lab.start_relay()
            # Not counted: files and caches are warm from here on.
            lab.ingest([relay])
            lab.export_rows()
            described = machine(lab)
            rate = measure_rounds(lab, relay, report)
            if options.duplicate_rounds:
                measure_duplicates(lab, relay, report, rate)
            if not options.no_memory:
                measure_memory(lab, relay, report)
            if not options.no_baseline:
                measure_baseline(lab, relay, report)
    except Broken as error:
        say(f"bench: {error}")
        status = 1
    report.write(os.path.join(options.results, "summary.json"), described)
    print(json.dumps(described))
    return status


if __name__ == "__main__":
    sys.exit(main())
