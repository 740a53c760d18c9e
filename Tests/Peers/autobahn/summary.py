# Python 2.7 or 3. Prints the table of docs/autobahn.md from reports/index.json; exit status 1 if a case failed.
import collections, json, sys

allowed = ("OK", "NON-STRICT", "INFORMATIONAL")
failed = []
for agent, cases in sorted(json.load(open(sys.argv[1])).items()):
    sections = collections.defaultdict(collections.Counter)
    for case, result in cases.items():
        sections[int(case.split(".")[0])][result["behavior"]] += 1
        if result["behavior"] not in allowed or result["behaviorClose"] not in allowed:
            failed.append((case, result["behavior"], result["behaviorClose"]))
    print("| section | cases | " + " | ".join(allowed) + " | failed |")
    print("|---|---|---|---|---|---|")
    total = collections.Counter()
    for section in sorted(sections):
        total.update(sections[section])
    for name, counts in [(str(s), sections[s]) for s in sorted(sections)] + [("all", total)]:
        count = sum(counts.values())
        row = [counts[behavior] for behavior in allowed]
        print("| %s | %d | %s | %d |" % (name, count, " | ".join(map(str, row)), count - sum(row)))
    strict = sorted((c for c in cases if cases[c]["behavior"] == "NON-STRICT"), key=lambda c: [int(n) for n in c.split(".")])
    print("\nNON-STRICT: " + ", ".join(strict))
for case in sorted(failed):
    print("FAILED: %s (%s, close %s)" % case)
sys.exit(1 if failed else 0)
