"""Print how many golden values are held, how many agree, and why the others differ: python tests/golden/table.py."""

from __future__ import annotations

from collections import Counter

from golden import judge, records


def main() -> None:
    table: dict[tuple[str, str], Counter] = {}
    reasons: Counter = Counter()
    for record in records():
        verdict = judge(record)
        func = record["func"].split("/")[-1] if record["peer"].startswith("similarity-repo") else record["func"]
        row = table.setdefault((record["peer"].split("@")[0], func), Counter())
        row[verdict.status] += 1
        if verdict.status != "agrees":
            reasons[f"{verdict.status}: {verdict.reason}"] += 1
    print(f"{'peer':<24}{'function':<58}{'held':>6}{'agree':>7}{'explained':>11}{'differ':>8}")
    total: Counter = Counter()
    for (peer, func), row in sorted(table.items()):
        print(f"{peer[:23]:<24}{func[:57]:<58}{row.total():>6}{row['agrees']:>7}{row['explained']:>11}{row['differs']:>8}")
        total += row
    print(f"{'all':<82}{total.total():>6}{total['agrees']:>7}{total['explained']:>11}{total['differs']:>8}\n")
    for reason, count in reasons.most_common():
        print(f"{count:>6}  {reason}")


if __name__ == "__main__":
    main()
