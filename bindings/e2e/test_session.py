"""The way of a sample: open, consent, start, progress, outcome, upload, receipt, history, my data."""

import asyncio
import json
import pathlib
import unittest

import ispeed
from support import CoreTest, Recorder, facts, plan


class Session(CoreTest):
    def test_a_sample_goes_from_the_tap_to_its_receipt(self):
        with self.assertRaises(ispeed.IspeedError.Consent):
            self.core.start(plan(), facts(), None)
        self.agree()
        estimate = self.core.estimate(plan(), facts())
        self.assertIsNone(estimate.likely_bytes)

        observer = Recorder()
        result = self.measure(observer, max_seconds=4.0)
        sample = result.sample
        self.assertEqual(sample.outcome, ispeed.Outcome.COMPLETE, result.detail)
        self.assertGreater(sample.down.goodput_bps, 1e6)
        self.assertGreater(sample.up.goodput_bps, 1e6)
        self.assertLess(sample.down.low_bps, sample.down.high_bps)
        self.assertIsNotNone(sample.latency.idle_ms)
        self.assertEqual((sample.operator, sample.place.verdict), ("viettel", ispeed.PlaceVerdict.APPROXIMATE))
        self.assertFalse(sample.verdict.counts, "without borders the commune is a guess")
        body = json.loads(result.document)["sample"]
        self.assertEqual(body["id"], sample.id)
        self.assertIsNone(body["fixes"]["start"]["lat"], "only the commune is shared")

        phases = [picture.phase for picture in observer.pictures]
        self.assertEqual(phases[-1], ispeed.Phase.DONE)
        self.assertTrue({ispeed.Phase.DOWNLOAD, ispeed.Phase.UPLOAD} <= set(phases), phases)
        gaps = [later - earlier for earlier, later in zip(observer.times, observer.times[1:])]
        self.assertGreaterEqual(min(gaps), 0.09, "at most ten pictures a second")

        self.assertEqual(self.core.history(ispeed.HistoryFilter())[0].state, ispeed.SampleState.WAITING)
        after, left = self.upload_all()
        self.assertIsInstance(after[0], ispeed.AfterUpload.SENT, after)
        self.assertIsInstance(left, ispeed.NextUpload.DONE)

        detail = self.core.detail(sample.id)
        self.assertEqual(detail.entry.state, ispeed.SampleState.SENT)
        self.assertTrue(detail.entry.judged_by_collector)
        self.assertTrue(detail.receipt.attested)
        self.assertEqual(detail.receipt.sample_sha256, detail.sha256)
        self.assertEqual(self.core.usage()[0].runs, 1)
        self.assertGreater(self.core.usage()[0].bytes_down, sample.down.bytes // 2)
        events = [step.event for step in self.core.ledger(sample.id)]
        self.assertEqual(events, ["begun", "kept", "sent"])

        vi, en = (self.core.share_text(sample.id, language) for language in (ispeed.Language.VI, ispeed.Language.EN))
        self.assertIn("Tải xuống", vi)
        self.assertIn("Phường Bình Phước", vi)
        self.assertIn("Download", en)
        self.assertNotIn("11.52", vi + en)

        out = str(pathlib.Path(self.folder) / "export.jsonl")
        self.assertEqual(self.core.export_samples(out, ispeed.HistoryFilter()), 1)
        self.assertEqual(pathlib.Path(out).read_text().strip(), detail.document)
        self.assertEqual(asyncio.run(self.core.export_my_data(out)), 1)
        self.assertEqual(json.loads(pathlib.Path(out).read_text())["id"], sample.id)
        deleted = asyncio.run(self.core.delete_my_data())
        self.assertEqual([(receipt.sample_id, receipt.deletion) for receipt in deleted], [(sample.id, True)])
        self.assertEqual(asyncio.run(self.core.export_my_data(out)), 0)
        self.core.erase(sample.id)
        with self.assertRaises(ispeed.IspeedError.NotFound):
            self.core.detail(sample.id)

    def test_without_agreement_to_upload_nothing_leaves(self):
        self.agree(ispeed.Share.NONE, upload=False)
        result = self.measure(max_seconds=1.0)
        self.assertEqual(result.sample.place.verdict, ispeed.PlaceVerdict.UNKNOWN)
        self.assertIsNone(result.sample.radio.start.cell_id)
        self.assertIsInstance(self.core.next_upload(), ispeed.NextUpload.DONE)
        self.assertEqual(self.core.stock().local, 1)
        self.core.withdraw_consent()
        with self.assertRaises(ispeed.IspeedError.Consent):
            self.core.start(plan(), facts(), None)
        self.assertEqual(len(self.core.consents()), 2)

    def test_facts_are_pushed_while_it_runs_and_a_changed_network_ends_it(self):
        self.agree()

        async def run():
            run = self.core.start(plan(max_seconds=6.0), facts(), None)
            with self.assertRaises(ispeed.IspeedError.Busy):
                self.core.start(plan(), facts(), None)
            await asyncio.sleep(0.5)
            run.push(ispeed.Facts(surroundings=ispeed.Surroundings.MOVING))
            with self.assertRaises(ispeed.IspeedError.Input) as wrong:
                run.push(ispeed.Facts(fixes=ispeed.Fixes(mid=ispeed.Fix(source=ispeed.FixSource.GNSS, lat=91.0, lon=0.0))))
            self.assertEqual(wrong.exception.field, "fixes.mid.lat")
            run.network_changed()
            return await run.outcome()

        sample = asyncio.run(run()).sample
        self.assertEqual((sample.outcome, sample.outcome_reason), (ispeed.Outcome.ABORTED, "network_changed"))
        self.assertEqual(sample.surroundings, ispeed.Surroundings.MOVING)
        self.assertTrue(sample.transport.changed)

    def test_a_server_that_is_gone_is_an_outcome_and_not_an_error(self):
        self.core = self.open(collector="https://127.0.0.1:9")
        self.agree()
        sample = self.measure().sample
        self.assertEqual((sample.outcome, sample.outcome_reason), (ispeed.Outcome.SERVER_FAILED, "connection_refused"))
        after, left = self.upload_all()
        self.assertIsInstance(after[0], ispeed.AfterUpload.RETRY)
        self.assertEqual(after[0].problem.kind, "network")
        self.assertIsInstance(left, ispeed.NextUpload.WAIT)
        self.core.retry_now()
        self.assertIsInstance(self.core.next_upload(), ispeed.NextUpload.UPLOAD)

    def test_a_refusal_is_kept_and_shown(self):
        self.agree()
        run = self.measure(max_seconds=1.0)
        request = self.core.next_upload().request
        said = b'{"type":"about:blank","title":"Refused","status":422,"detail":"field down is wrong"}'
        after = self.core.upload_answered(request.id, ispeed.UploadAnswer.HTTP(code=422, headers=[], body=said))
        self.assertEqual(after.problem.kind, "refused")
        entry = self.core.history(ispeed.HistoryFilter(state=ispeed.SampleState.QUARANTINED))[0]
        self.assertEqual(entry.id, run.sample.id)
        self.assertIn("field down is wrong", entry.problem.text)
        self.core.requeue(entry.id)
        self.assertIsInstance(self.upload_all()[0][0], ispeed.AfterUpload.SENT)

    def test_a_budget_is_hard(self):
        self.agree()
        self.core.set_data_limits(ispeed.DataLimits(per_run_bytes=3_000_000, per_month_bytes=4_000_000))
        self.assertTrue(self.core.estimate(plan(), facts()).limited)
        sample = self.measure().sample
        self.assertLessEqual(sample.bytes_down + sample.bytes_up, 3_000_000)
        with self.assertRaises(ispeed.IspeedError.Budget) as over:
            self.measure()
            self.measure()
        self.assertEqual(over.exception.limit_bytes, 4_000_000)
        self.assertEqual(ispeed.error_kind(over.exception), "budget")


if __name__ == "__main__":
    unittest.main()
