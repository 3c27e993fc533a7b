"""Field mode: campaign, plan, pack for a day offline, guide, pairs, borders."""

import asyncio
import datetime
import hashlib
import json
import pathlib
import subprocess
import tempfile
import unittest

import ispeed
from support import HERE, PROGRAM, SHAPED_BPS, CoreTest, Server, facts

VIETNAM = datetime.timezone(datetime.timedelta(hours=7))
# Two made-up communes of some 4 km, side by side; the first holds HERE.
SQUARES = {"25195": (106.88, 11.50, 106.92, 11.54), "25198": (106.92, 11.50, 106.96, 11.54)}


def bundle(folder, valid_from):
    """A bundle of the two squares, made by the program."""
    lines = []
    for code, (west, south, east, north) in SQUARES.items():
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        properties = {"code": code, "name": f"Xã {code}", "province": "75", "area_km2": 19.4}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        lines.append(json.dumps({"type": "Feature", "id": code, "properties": properties, "geometry": geometry}))
    source = pathlib.Path(folder) / f"{valid_from}.geojsonl"
    source.write_text("\n".join(lines) + "\n")
    out = pathlib.Path(folder) / f"{valid_from}.bundle"
    words = [PROGRAM, "boundaries", "build", str(source), str(out), "--valid-from", valid_from]
    subprocess.run(words, check=True, capture_output=True)
    return str(out)


def today():
    return datetime.datetime.now(VIETNAM).date()


class Field(CoreTest):
    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.TemporaryDirectory()
        cls.old, cls.new = bundle(cls.made.name, "2025-07-01"), bundle(cls.made.name, "2026-04-30")
        cls.server = Server("--boundaries", cls.new)
        words = [PROGRAM, "campaign", "create", "--data", cls.server.folder, "--boundaries", cls.new]
        words += ["--code", "dot-1", "--title", "Đợt 1", "--commune", "25195", "--commune", "25198"]
        words += ["--from", str(today()), "--to", str(today() + datetime.timedelta(days=2)), "--quota", "viettel=3"]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.made.cleanup()

    def test_a_day_offline_with_a_pack(self):
        # The server is a laboratory's; where simulated samples count, its do.
        self.core = self.open(boundaries=self.new, accept_simulated=True)
        self.agree()
        view = asyncio.run(self.core.campaign("dot-1"))
        self.assertTrue(view.open)
        join = self.core.read_campaign(view.join)
        self.assertEqual((join.code, join.communes), ("dot-1", ["25195", "25198"]))
        about = ispeed.PlanAbout.CAMPAIGN(code=join.code)
        with self.assertRaises(ispeed.IspeedError.Input):
            self.core.guide(about, HERE, 8.0, 5)
        pack = asyncio.run(self.core.fetch_plan_pack(about))
        self.assertFalse(pack.outdated)
        self.assertEqual([commune.code for commune in pack.communes], ["25195", "25198"])
        again = asyncio.run(self.core.fetch_plan_pack(about))
        self.assertEqual(again, pack, "the one at hand is the present one")

        guide = self.core.guide(about, HERE, 8.0, 10)
        self.assertEqual((guide.here.verdict, guide.here.code), (ispeed.PlaceVerdict.CERTAIN, "25195"))
        self.assertEqual(len(guide.next), 10)
        distances = [cell.distance_m for cell in guide.next]
        self.assertEqual(distances, sorted(distances))
        self.assertIsNone(guide.repeat.not_before_micros)
        viettel = next(short for short in guide.communes[0].operators if short.operator == "viettel")
        self.assertEqual((viettel.wanted, viettel.missing), (3, 3))

        if not SHAPED_BPS:
            self.skipTest("an unshaped loopback is faster than this machine and its samples do not count")
        measured = self.measure(facts_=facts(campaign="dot-1")).sample
        slow = {"cpu_limited", "server_limited"} & set(measured.verdict.reasons)
        if slow:
            self.skipTest(f"this machine was too busy to measure 50 Mbit/s: {slow}")
        self.assertTrue(measured.verdict.counts, measured.verdict.reasons)

        # Another start, and nothing is asked of the collector.
        self.core = self.open(boundaries=self.new)
        self.assertEqual(self.core.plan_packs(), [about])
        after = self.core.guide(about, HERE, 8.0, 200)
        self.assertNotIn(measured.cell, [cell.cell for cell in after.next])
        self.assertEqual(after.communes[0].own, 1)
        viettel = next(short for short in after.communes[0].operators if short.operator == "viettel")
        self.assertEqual(viettel.missing, 2)
        self.assertGreater(after.repeat.not_before_micros, measured.started_at_micros + 100_000_000)
        self.assertEqual(after.repeat.left_today, guide.repeat.left_today - 1)
        self.core.forget_plan_pack(about)
        self.assertIsNone(self.core.plan_pack(about))

    def test_a_pack_that_was_changed_is_refused(self):
        about = ispeed.PlanAbout.COMMUNE(code="25195")
        asyncio.run(self.core.fetch_plan_pack(about))
        path = pathlib.Path(self.folder) / "plans" / "commune-25195.json"
        path.write_text(path.read_text().replace('"missing":300', '"missing":200'))
        with self.assertRaises(ispeed.IspeedError.Input) as wrong:
            self.core.plan_pack(about)
        self.assertEqual(wrong.exception.field, "plan pack")
        # And is fetched again.
        self.assertEqual(asyncio.run(self.core.fetch_plan_pack(about)).communes[0].missing, 300)

    def test_the_plan_around_a_point_and_the_quota(self):
        plan = asyncio.run(self.core.plan(ispeed.PlanAbout.AROUND(point=HERE, radius_m=10_000)))
        self.assertEqual((plan.here, plan.quota, plan.approximate), ("25195", 300, False))
        self.assertIn(plan.next.commune, SQUARES)
        quota = asyncio.run(self.core.commune_quota("25198", None))
        self.assertEqual((quota.code, quota.missing), ("25198", 300))
        status = asyncio.run(self.core.month_status(None, None))
        self.assertEqual(status.month, str(today())[:7])
        with self.assertRaises(ispeed.IspeedError.Server) as unknown:
            asyncio.run(self.core.campaign("no-such"))
        self.assertEqual(unknown.exception.status, 404)
        with self.assertRaises(ispeed.IspeedError.Input):
            asyncio.run(self.core.campaign("../me"))

    def test_borders_are_fetched_kept_and_taken_over(self):
        self.assertIsNone(self.core.boundary_table())
        self.assertEqual(self.core.nearest_commune(HERE, 8.0).verdict, ispeed.PlaceVerdict.APPROXIMATE)
        self.core = self.open(boundaries=self.old)
        self.assertEqual(self.core.boundary_table().valid_from, "2025-07-01")
        self.assertEqual(asyncio.run(self.core.refresh_boundaries()), ispeed.BoundaryRefresh.TAKEN)
        self.assertEqual(self.core.boundary_table().valid_from, "2026-04-30")
        self.assertEqual(asyncio.run(self.core.refresh_boundaries()), ispeed.BoundaryRefresh.CURRENT)
        # The next start has both and takes the newer; an older one that is handed in later changes nothing.
        self.core = self.open(boundaries=self.old)
        self.assertEqual(self.core.boundary_table().valid_from, "2026-04-30")
        self.core.use_boundaries(self.old)
        self.assertEqual(self.core.boundary_table().valid_from, "2026-04-30")
        place = self.core.nearest_commune(HERE, 8.0)
        self.assertEqual((place.verdict, place.code), (ispeed.PlaceVerdict.CERTAIN, "25195"))
        self.assertEqual(self.core.commune_name("25198").name, "Xã 25198")

        border = self.core.commune_border("25195")
        west, south, east, north = SQUARES["25195"]
        for point in (point for line in border for point in line.points):
            on = min(abs(point.lon - west), abs(point.lon - east), abs(point.lat - south), abs(point.lat - north))
            self.assertLess(on, 1e-4)
        self.assertGreater(sum(len(line.points) for line in border), 4)
        cells = self.core.commune_cells("25195")
        self.assertTrue(400 < len(cells) < 600, len(cells))
        self.assertEqual(len(ispeed.cell_outline(cells[0])), 4)
        with self.assertRaises(ispeed.IspeedError.Input):
            self.core.use_boundaries(__file__)

    def test_a_bundle_that_was_cut_is_gone_on_with(self):
        whole = pathlib.Path(self.new).read_bytes()
        part = pathlib.Path(self.folder) / "communes.bundle.part"
        part.write_bytes(whole[: len(whole) // 2])
        # The tag of another bundle: the server sends all of its own.
        part.with_name("communes.bundle.part.etag").write_text('"another"')
        self.assertEqual(asyncio.run(self.core.refresh_boundaries()), ispeed.BoundaryRefresh.TAKEN)
        self.assertFalse(part.exists())
        kept = pathlib.Path(self.folder) / "communes.bundle"
        self.assertEqual(kept.read_bytes(), whole)
        # The right tag: the server sends the rest, and both halves are one bundle.
        kept.unlink()
        self.core = self.open()
        part.write_bytes(whole[: len(whole) // 2])
        part.with_name("communes.bundle.part.etag").write_text(f'"{hashlib.sha256(whole).hexdigest()}"')
        self.assertEqual(asyncio.run(self.core.refresh_boundaries()), ispeed.BoundaryRefresh.TAKEN)
        self.assertEqual(kept.read_bytes(), whole)
        # A damaged one is no bundle: centres, until the next refresh.
        kept.write_bytes(whole[:-1])
        self.core = self.open()
        self.assertIsNone(self.core.boundary_table())
        self.assertEqual(asyncio.run(self.core.refresh_boundaries()), ispeed.BoundaryRefresh.TAKEN)

    def test_two_phones_start_at_one_moment(self):
        first = self.core.new_pair()
        other = tempfile.mkdtemp()
        mine, self.folder = self.folder, other
        second = self.open().read_pair(first.text)
        self.folder = mine
        self.assertEqual((second.id, second.start_here_micros), (first.id, first.start_here_micros))
        self.assertEqual(first.start_here_micros % 10_000_000, 0)
        with self.assertRaises(ispeed.IspeedError.Input):
            self.core.read_pair("ispeed:pair:0123456789:1")


if __name__ == "__main__":
    unittest.main()
