"""The table that the tests of crates/export left (see scripts/test --lance), read by Python's lancedb: rows, types, versions, vectors."""

import sys

import lancedb

table = lancedb.connect(sys.argv[1]).open_table("korean")
rows = table.to_arrow().to_pylist()
types = {field.name: str(field.type) for field in table.schema}
versions = [version["version"] for version in table.list_versions()]
nearest = table.search([7.1, 1.0, 0.5], vector_column_name="embedding").limit(1).to_list()
done = [
    ("rows", len(rows) == 40 and len({(row["culture"], row["image_blake3"]) for row in rows}) == 40),
    ("texts and lists", all(row["critique_zh"].startswith("第") and row["covered_dimensions"] == ["KR_L1_D1", "KR_L2_D1"] for row in rows)),
    ("types", (types["quality_score"], types["merge"], types["embedding"]) == ("double", "int64", "fixed_size_list<item: float>[3]")),
    ("other members", all(row["more"] == '{"mood":"calm"}' for row in rows)),
    ("versions", len(versions) >= 6 and versions == sorted(versions)),
    ("vectors", nearest[0]["critique_en"] == "Number 7."),
    ("scalar filter", table.count_rows("quality_score > 80 AND culture = 'korean'") == 40),
]
failed = [name for name, good in done if not good]
print(f"lancedb reads a table: {len(done) - len(failed)} of {len(done)} as expected" + (f", failed: {failed} {types} {versions}" if failed else ""))
sys.exit(bool(failed))
