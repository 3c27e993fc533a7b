#!/usr/bin/env python3
"""Writes gazetteer.tsv from the unpacked PyPI package `vietnamadminunits` (MIT, its 2025 data).

    pip download --no-deps vietnamadminunits==1.0.4 && unzip vietnamadminunits-*.whl -d unpacked
    python3 make_gazetteer.py unpacked > gazetteer.tsv

Only the facts are taken (code, name, province, centre, area); no other source, above all no boundary
file, may enter here. Corrections are listed below with the paper they come from.
"""

import pathlib
import sqlite3
import sys
import unicodedata

PACKAGE = "vietnamadminunits 1.0.4"
TABLE = "gazetteer-2026-04-30"

# 237/NQ-UBTVQH16: ten xã of Đồng Nai are phường from 2026-04-30, codes and names kept.
XA_TO_PHUONG_2026 = {
    "25270", "25357", "25363", "26116", "26170", "26248", "26326", "26368", "26425", "26485",
}
# 30/2026/QH16: Đồng Nai is run by the centre from 2026-04-30.
PROVINCE_NAMES_2026 = {"75": "Thành phố Đồng Nai"}
# 19/2025/QĐ-TTg has Ba Chẽ as 06978; the package still carries the code of the old thị trấn.
CODE_FIXES = {"06970": "06978"}
# Spelling of 19/2025/QĐ-TTg.
NAME_FIXES = {"00745": "Xã Phố Bảng"}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    database = pathlib.Path(sys.argv[1]) / "vietnamadminunits" / "data" / "dataset.db"
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT provinceCode, province, wardCode, ward, wardLat, wardLon, wardAreaKm2 FROM admin_units"
    ).fetchall()

    provinces: dict[str, str] = {}
    communes: list[tuple[str, ...]] = []
    promoted = set()
    for province, province_name, code, name, lat, lon, area in rows:
        code = CODE_FIXES.get(code, code)
        name = unicodedata.normalize("NFC", NAME_FIXES.get(code, name))
        if code in XA_TO_PHUONG_2026:
            kind, rest = name.split(" ", 1)
            if kind != "Xã":
                sys.exit(f"{code} is {name}, expected a xã to promote")
            name = f"Phường {rest}"
            promoted.add(code)
        provinces[province] = unicodedata.normalize("NFC", PROVINCE_NAMES_2026.get(province, province_name))
        communes.append((code, province, name, f"{lat:g}", f"{lon:g}", f"{area:g}" if area else ""))

    if promoted != XA_TO_PHUONG_2026:
        sys.exit(f"not in the package: {sorted(XA_TO_PHUONG_2026 - promoted)}")
    if len({c[0] for c in communes}) != 3321 or len(provinces) != 34:
        sys.exit(f"expected 3321 communes in 34 provinces, got {len(communes)} in {len(provinces)}")

    print(f"# table\t{TABLE}")
    print(f"# source\tPyPI package {PACKAGE} (MIT, Tran Ngoc Minh Hieu), its 2025 data; facts only")
    print("# updated\t30/2026/QH16 and 237/NQ-UBTVQH16 of 2026-04-30; Ba Chẽ is 06978 (19/2025/QĐ-TTg)")
    print("# made by\tcommune/data/make_gazetteer.py")
    print("# province rows\tcode, name; commune rows\tcode, province, name, latitude, longitude, area in km2 (may be empty)")
    for code in sorted(provinces):
        print(f"{code}\t{provinces[code]}")
    for commune in sorted(communes):
        print("\t".join(commune))


if __name__ == "__main__":
    main()
