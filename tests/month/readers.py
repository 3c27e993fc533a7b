#!/usr/bin/env python3
"""Opens the documents of a closed month with programs that had no part in making them.

openpyxl reads the workbooks, LibreOffice turns them (and the DOCX) into PDF, pdftoppm draws the pages, pdftotext reads the
headings, DuckDB reads the Parquet. Prints one line a check, `ok NAME` or `FAILED NAME: why`; exit code 1 when one failed.

    readers.py FOLDER [--work DIR]
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

FAILED = []
NOTICE = "VNNIC"
FORBIDDEN = re.compile(r"đạt\s+QCVN", re.IGNORECASE)


def check(name, holds, why=""):
    """One line a check."""
    if holds:
        print(f"ok {name}")
    else:
        FAILED.append(name)
        print(f"FAILED {name}: {why}")


def run(words, **more):
    """A program's standard output; its failure is ours."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[:300]}")
    return done.stdout


def workbook(path):
    """Codes are text, figures are numbers, the panes stand still."""
    import openpyxl

    book = openpyxl.load_workbook(path)
    codes, numbers, frozen = 0, 0, 0
    numeric_codes = []
    for sheet in book.worksheets:
        frozen += sheet.freeze_panes is not None
        for row in sheet.iter_rows():
            for cell in row:
                value = cell.value
                if isinstance(value, str) and re.fullmatch(r"\d{5}|\d{2}", value):
                    codes += 1
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    numbers += 1
        for column in sheet.iter_cols():
            heads = [c.value for c in column if isinstance(c.value, str) and c.value.strip().lower() in ("mã xã", "mã tỉnh")]
            if heads:
                numeric_codes += [c.coordinate for c in column if isinstance(c.value, (int, float))]
    name = path.name
    check(f"{name}: openpyxl finds codes as text", codes > 0 and not numeric_codes[1:], f"{codes} {numeric_codes[:3]}")
    check(f"{name}: openpyxl finds numbers as numbers", numbers > 0, "no numeric cell")
    check(f"{name}: a sheet has frozen panes", frozen > 0, "none")
    check(f"{name}: more than one sheet", len(book.sheetnames) > 1, f"{book.sheetnames}")
    text = " ".join(str(c.value) for s in book.worksheets for r in s.iter_rows() for c in r if isinstance(c.value, str))
    check(f"{name}: says that it is not VNNIC's", NOTICE in text, "no notice")
    check(f"{name}: says nothing of conformity", not FORBIDDEN.search(text), "đạt QCVN")


def pdf(path, work, words):
    """Pages can be drawn and are not empty, headings can be read."""
    text = run(["pdftotext", "-layout", str(path), "-"])
    folded = " ".join(text.split())
    for word in words:
        check(f"{path.name}: pdftotext finds {word!r}", word.lower() in folded.lower(), folded[:160])
    check(f"{path.name}: says nothing of conformity", not FORBIDDEN.search(folded), "đạt QCVN")
    run(["pdftoppm", "-png", "-r", "50", "-f", "1", "-l", "2", str(path), str(work / path.stem)])
    pages = sorted(work.glob(f"{path.stem}-*.png"))
    # An empty page compresses to almost nothing.
    check(f"{path.name}: its first page is drawn", bool(pages) and pages[0].stat().st_size > 3000, f"{pages}")


def converted(path, work):
    """What LibreOffice makes of it."""
    profile = work / "profile"
    run(["soffice", f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", "pdf",
         "--outdir", str(work), str(path)])
    made = work / f"{path.stem}.pdf"
    check(f"{path.name}: LibreOffice opens it", made.exists(), "no PDF came out")
    return made


def csv_with_bom(path):
    """Excel shows the diacritics."""
    raw = path.read_bytes()
    check(f"{path.name}: begins with a byte order mark", raw.startswith(b"\xef\xbb\xbf"), f"{raw[:4]!r}")
    check(f"{path.name}: is UTF-8", isinstance(raw.decode("utf-8-sig"), str))


def parquet(path, figures):
    """As many rows as the nation's, or province's, figure says."""
    import csv

    import duckdb

    rows = duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall()[0][0]
    with open(figures, encoding="utf-8") as file:
        tops = [line for line in csv.DictReader(file)
                if line["metric"] == "samples_count" and line["operator"] == "all" and line["technology"] == "all"]
    nation = [int(line["value"]) for line in tops if line["level"] == "nation"]
    expected = nation or [sum(int(line["value"]) for line in tops if line["level"] == "province")]
    check(f"{path.name}: DuckDB counts as many samples as figures.csv", [rows] == expected, f"{rows} {expected}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--limit", type=int, default=2, help="documents of a kind to open")
    arguments = parser.parse_args()
    work = (arguments.work or pathlib.Path(tempfile.mkdtemp())).resolve()
    work.mkdir(parents=True, exist_ok=True)
    folder = arguments.folder

    def apart(kind):
        """A folder of its own: documents of different kinds have one name."""
        (work / kind).mkdir(exist_ok=True)
        return work / kind

    def some(ending):
        found = sorted(p for p in folder.rglob(f"*.{ending}") if "sealed" not in p.parts)
        return found[:arguments.limit]

    for ending in ("xlsx", "pdf", "docx"):
        check(f"there is a .{ending}", bool(some(ending)), str(folder))
    letter = ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập", "Nơi nhận"]
    for path in some("xlsx"):
        workbook(path)
        pdf(converted(path, apart("xlsx")), apart("xlsx"), ["Mã"])
    for path in some("pdf"):
        pdf(path, apart("pdf"), letter)
    for path in some("docx"):
        pdf(converted(path, apart("docx")), apart("docx"), letter)
    for path in some("csv"):
        if path.name != "figures.csv" and not path.name.startswith("places"):
            csv_with_bom(path)
    parquet(folder / "samples.parquet", folder / "figures.csv")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
